"""DPO's coefficients are the derivative of its loss: by hand and by differences."""

import math
from collections.abc import Sequence

import pytest

from stillhouse.distill.objectives import Dpo, Group
from stillhouse.distill.rollout import Rollout
from tests.distill.objectives.test_policy_gradient import answer, never

GROUPS = [
    Group([answer(3), answer(4), answer(5)], [0.2, 0.9, None]),
    Group([answer(6), answer(7)], [0.5, 0.4]),
    Group([answer(8), answer(9)], [0.5, 0.5]),
]
OWN = {3: -5.0, 4: -7.0, 6: -9.0, 7: -8.5}
START = {3: -6.0, 4: -6.5, 6: -9.0, 7: -9.0}


def likelihoods(own: dict[int, float]):  # type: ignore[no-untyped-def]
    def measure(who: str, answers: Sequence[Rollout]) -> list[float]:
        return [(own if who == "student" else START)[len(a.tokens)] for a in answers]

    return measure


def loss(own: dict[int, float], beta: float) -> float:
    margins = [
        beta * ((own[4] - START[4]) - (own[3] - START[3])),
        beta * ((own[6] - START[6]) - (own[7] - START[7])),
    ]
    return sum(math.log1p(math.exp(-m)) for m in margins) / 2


def test_coefficients_are_minus_the_derivative_of_the_loss() -> None:
    beta, step = 0.3, 1e-6
    lessons = Dpo(beta, 0.0).lessons(GROUPS, likelihoods(OWN))
    by_length = dict(zip((3, 4, 5, 6, 7, 8, 9), lessons.coefficients, strict=True))
    for length in OWN:
        up, down = OWN | {length: OWN[length] + step}, OWN | {length: OWN[length] - step}
        slope = (loss(up, beta) - loss(down, beta)) / (2 * step)
        assert by_length[length] == pytest.approx(-slope, abs=1e-8)
    assert by_length[5] == by_length[8] == by_length[9] == 0.0
    assert lessons.figures["dpo_loss"] == pytest.approx(loss(OWN, beta))
    assert lessons.figures["pairs"] == 2 and lessons.figures["pair_accuracy"] == 0.0


def test_at_the_start_every_pair_pulls_by_half_of_beta() -> None:
    lessons = Dpo(0.1, 0.0).lessons(GROUPS[:1], likelihoods(START))
    assert lessons.coefficients == pytest.approx([-0.05, 0.05, 0.0])


def test_scores_that_hardly_differ_make_no_pair() -> None:
    assert Dpo(0.1, 0.2).lessons(GROUPS[1:], never).coefficients == [0.0] * 4
    assert Dpo(0.1, 0.0).lessons([Group([answer(1)], [None])], never).figures == {"pairs": 0.0}


def test_far_apart_is_no_overflow() -> None:
    far = OWN | {4: -2000.0, 6: 3000.0}
    lessons = Dpo(1.0, 0.0).lessons(GROUPS, likelihoods(far))
    assert lessons.coefficients[1] == pytest.approx(0.5) and lessons.coefficients[3] == pytest.approx(0.0)
