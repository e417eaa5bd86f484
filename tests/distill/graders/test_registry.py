"""Each kind of grader that a config can name is built with the config's numbers."""

from typing import get_args

import pytest
from pydantic import TypeAdapter

from stillhouse.distill.config import GraderSettings
from stillhouse.distill.graders import (
    DivergenceGrader,
    ImitationGrader,
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
]


@pytest.mark.parametrize(("config", "expected"), CASES)
def test_config_to_grader(config: dict[str, object], expected: TokenGrader) -> None:
    settings: GraderSettings = TypeAdapter(GraderSettings).validate_python(config)
    assert grader(settings) == expected


def test_every_kind_is_tried_and_only_imitation_needs_no_teacher() -> None:
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(GraderSettings)[0])}
    assert kinds == {config["kind"] for config, _ in CASES}
    assert {config["kind"] for config, built in CASES if not built.needs_teacher} == {"imitation"}
