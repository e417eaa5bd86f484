"""Each kind of grader that a config can name is built with the config's numbers."""

from typing import get_args

import pytest
from pydantic import TypeAdapter

from stillhouse.distill.config import GraderSettings
from stillhouse.distill.graders import (
    DivergenceGrader,
    ImitationGrader,
    LikelihoodGrader,
    MixedGrader,
    Part,
    SampledGrader,
    TokenGrader,
    TopKGrader,
    grader,
)

CASES: list[tuple[dict[str, object], TokenGrader]] = [
    ({"kind": "divergence"}, DivergenceGrader(1.0)),
    ({"kind": "divergence", "beta": 0.25}, DivergenceGrader(0.25)),
    ({"kind": "top_k"}, TopKGrader(64, 0.0)),
    ({"kind": "top_k", "k": 5, "beta": 0.5}, TopKGrader(5, 0.5)),
    ({"kind": "sampled"}, SampledGrader()),
    ({"kind": "imitation"}, ImitationGrader()),
    ({"kind": "judge", "method": {"kind": "ranking"}}, LikelihoodGrader(0.2)),
    ({"kind": "judge", "method": {"kind": "ranking"}, "learn": {"kind": "dpo"}}, LikelihoodGrader(None)),
    (
        {
            "kind": "mix",
            "parts": {
                "words": {"weight": 0.5, "grader": {"kind": "judge", "method": {"kind": "ranking"}}},
                "numbers": {"weight": 2, "grader": {"kind": "divergence", "beta": 0.25}},
            },
        },
        MixedGrader((Part("words", 0.5, LikelihoodGrader(0.2)), Part("numbers", 2.0, DivergenceGrader(0.25)))),
    ),
]


@pytest.mark.parametrize(("config", "expected"), CASES)
def test_config_to_grader(config: dict[str, object], expected: TokenGrader) -> None:
    settings: GraderSettings = TypeAdapter(GraderSettings).validate_python(config)
    assert grader(settings) == expected


def test_every_kind_is_tried_and_only_two_need_no_teacher() -> None:
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(GraderSettings)[0])}
    assert kinds == {config["kind"] for config, _ in CASES}
    assert {config["kind"] for config, built in CASES if not built.needs_teacher} == {"imitation", "judge"}
