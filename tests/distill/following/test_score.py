"""The four figures of IFEval by hand."""

import pytest

from stillhouse.distill.following import FollowingPrompt, following_scores
from stillhouse.distill.following.score import loose_forms
from stillhouse.distill.prompts import Prompt
from stillhouse.types import Message


def asked(*instructions: tuple[str, dict[str, object]]) -> FollowingPrompt:
    return FollowingPrompt(Prompt.of([Message("user", "a")]), instructions)


NO_COMMA: tuple[str, dict[str, object]] = ("punctuation:no_comma", {})
SMALL: tuple[str, dict[str, object]] = ("change_case:english_lowercase", {})
GERMAN: tuple[str, dict[str, object]] = ("language:response_language", {"language": "de"})


def test_by_hand() -> None:
    """Strict: (yes, no), (yes), (no). Loose: the second line of the third answer is right."""
    prompts = [asked(NO_COMMA, SMALL), asked(NO_COMMA, GERMAN), asked(SMALL), asked(GERMAN)]
    scores, unchecked = following_scores(prompts, ["Aha", "So", "Sure:\nso it is", "x"], resamples=200, seed=0)
    assert unchecked == 2
    assert {name: m.value for name, m in scores.items()} == {
        "instructions_strict/prompt": pytest.approx(1 / 3),
        "instructions_strict/instruction": pytest.approx(2 / 4),
        "instructions_loose/prompt": pytest.approx(2 / 3),
        "instructions_loose/instruction": pytest.approx(3 / 4),
    }
    assert all(m.n == 3 for m in scores.values())


def test_eight_loose_forms() -> None:
    assert list(loose_forms("*a*\nb\nc")) == ["*a*\nb\nc", "a\nb\nc", "b\nc", "b\nc", "*a*\nb", "a\nb", "b", "b"]


def test_loose_is_never_less_than_strict() -> None:
    """One line has nothing left without its first: the answer as it is still counts."""
    scores, _ = following_scores([asked(SMALL), asked(NO_COMMA)], ["so", "so"], resamples=100, seed=0)
    assert scores["instructions_strict/prompt"].value == scores["instructions_loose/prompt"].value == 1
