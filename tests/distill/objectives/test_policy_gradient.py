"""The group-relative gradient: advantages by hand, unbiased by enumeration, blind to an answer's own length."""

import asyncio
import itertools
import math

import numpy as np
import pytest

from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judges.settings import RankingSettings
from stillhouse.distill.objectives import Group, PolicyGradient
from stillhouse.distill.objectives.policy_gradient import advantages
from stillhouse.distill.rollout import Rollout
from tests.distill.judges.readers import Reader, longest, prompt


def answer(length: int) -> Rollout:
    return Rollout("p", (1,), tuple(range(length)), (-1.0,) * length, "stop", "student")


def never(who: str, answers: object) -> list[float]:
    raise AssertionError("no log-likelihood is needed")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1.0, 0.0], [1.0, -1.0]),
        ([1.0, 0.0, 0.5, 0.5], [2 / 3, -2 / 3, 0.0, 0.0]),
        ([1.0, None, 0.0], [1.0, 0.0, -1.0]),
        ([1.0, None], [0.0, 0.0]),
        ([None, None], [0.0, 0.0]),
        ([0.7, 0.7, 0.7], [0.0, 0.0, 0.0]),
    ],
)
def test_advantages_by_hand(scores: list[float | None], expected: list[float]) -> None:
    assert advantages(scores) == pytest.approx(expected)


def test_coefficients_divide_by_a_constant_and_not_by_an_answers_length() -> None:
    groups = [Group([answer(3), answer(30)], [1.0, 0.0]), Group([answer(5), answer(5)], [0.25, 0.75])]
    lessons = PolicyGradient(length=40, clip=None).lessons(groups, never)
    assert lessons.coefficients == pytest.approx([c / (4 * 40) for c in (1.0, -1.0, -0.5, 0.5)])
    assert lessons.figures == {"advantage_size": 0.75}


def test_gradient_is_unbiased_by_enumeration() -> None:
    """A policy over three answers of one prompt, groups of three: the mean of sum c_i grad log p(i) over all 27 groups
    is the gradient of the expected score / length, exactly. With the group's own mean it would be 2/3 of it."""
    logits, score = np.array([0.3, -0.5, 0.1]), np.array([1.0, 0.2, 0.0])
    p = np.exp(logits) / np.exp(logits).sum()
    slope = np.eye(3) - p  # row i: d log p(i) / d logits
    wanted = (p * score) @ slope / 10
    total = np.zeros(3)
    for drawn in itertools.product(range(3), repeat=3):
        group = Group([answer(1 + i) for i in drawn], [float(score[i]) for i in drawn])
        c = PolicyGradient(length=10, clip=None).lessons([group], never).coefficients
        total += math.prod(p[i] for i in drawn) * np.array(c) @ slope[list(drawn)]
    np.testing.assert_allclose(total, wanted, atol=1e-12)


@pytest.mark.parametrize("settings", [RankingSettings(), RankingSettings(compare="pairs")])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_rankings_give_the_gradient_of_winning_times_a_constant(n: int, settings: RankingSettings) -> None:
    """A judge of lengths and every group of n out of three answers, two of them equally long, so that answers repeat
    and tie: n / (n - 1) times d P(win against another answer) / d logits, the opponent held fixed."""
    texts = ["aaa", "b", "c"]
    beats = np.array([[0.5, 1.0, 1.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]])
    logits = np.array([0.3, -0.5, 0.1])
    p = np.exp(logits) / np.exp(logits).sum()
    slope = np.eye(3) - p
    wanted = (p * (beats @ p)) @ slope / 10
    judge, total = RankingJudge(settings, Reader(longest)), np.zeros(3)
    for drawn in itertools.product(range(3), repeat=n):
        said = asyncio.run(judge.judge(prompt(), [texts[i] for i in drawn], seed=0))
        group = Group([answer(1) for _ in drawn], [one.score for one in said])
        c = PolicyGradient(length=10, clip=None).lessons([group], never).coefficients
        total += math.prod(p[i] for i in drawn) * np.array(c) @ slope[list(drawn)]
    np.testing.assert_allclose(total, n / (n - 1) * wanted, atol=1e-12)


def test_scores_belong_to_answers() -> None:
    with pytest.raises(ValueError, match="2 answers with 1 scores"):
        Group([answer(1), answer(1)], [1.0])
