"""Each kind of grader that a config can name is built with the config's numbers."""

from typing import get_args

import pytest
from pydantic import TypeAdapter
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.grader_settings import GraderSettings
from stillhouse.distill.graders import (
    CrossTokenizerGrader,
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
from stillhouse.distill.translation import Side, translation
from tests.distill.other_tokenizers import other_tokenizer

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


def test_across_tokenizers_it_gets_both_sides(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    settings: GraderSettings = TypeAdapter(GraderSettings).validate_python({"kind": "cross_tokenizer", "window": 2})
    sides = (
        Side("s", tiny_tokenizer, frozenset({2})),
        Side("t", other_tokenizer(), frozenset({2})),
    )
    built = grader(settings, None, between := translation(*sides))
    assert isinstance(built, CrossTokenizerGrader) and built.needs_teacher
    assert built.translation is between and built.settings == settings


@pytest.mark.parametrize(("config", "expected"), CASES)
def test_config_to_grader(config: dict[str, object], expected: TokenGrader) -> None:
    settings: GraderSettings = TypeAdapter(GraderSettings).validate_python(config)
    assert grader(settings) == expected


def test_every_kind_is_tried_and_only_two_need_no_teacher() -> None:
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(GraderSettings)[0])}
    assert kinds == {config["kind"] for config, _ in CASES} | {"cross_tokenizer"}
    assert {config["kind"] for config, built in CASES if not built.needs_teacher} == {"imitation", "judge"}
