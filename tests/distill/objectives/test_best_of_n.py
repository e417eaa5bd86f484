"""Only the best answer of each group is imitated, and only where there is a best."""

import pytest

from stillhouse.distill.objectives import BestOfN, Group
from tests.distill.objectives.test_policy_gradient import answer, never


def test_the_best_share_the_loss_by_their_tokens() -> None:
    groups = [
        Group([answer(3), answer(7), answer(4)], [0.1, 0.9, None]),
        Group([answer(5), answer(6)], [0.5, 0.5]),
        Group([answer(2), answer(9)], [0.8, 0.2]),
        Group([answer(2), answer(9)], [None, 0.2]),
    ]
    lessons = BestOfN().lessons(groups, never)
    share = 1 / (7 + 2)
    assert lessons.coefficients == pytest.approx([0, share, 0, 0, 0, share, 0, 0, 0])
    assert lessons.figures == {"chosen": 2.0}


def test_the_first_of_equals_is_chosen() -> None:
    assert BestOfN().lessons([Group([answer(2), answer(2), answer(2)], [0.1, 0.9, 0.9])], never).coefficients == [
        0,
        0.5,
        0,
    ]


def test_nothing_to_choose_from() -> None:
    assert BestOfN().lessons([], never).coefficients == []
