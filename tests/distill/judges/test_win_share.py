"""Shares of wins by hand: copies, ties, opponents that were not met, and what was read in one order only."""

from typing import Any

import pytest

from stillhouse.distill.judges.win_share import win_share


def both(order: list[int], values: list[float]) -> list[dict[str, Any]]:
    """A set that was read the same in an order and its reverse."""
    return [{"order": order, "values": values}, {"order": order[::-1], "values": values[::-1]}]


def test_opponents_weigh_as_often_as_they_were_given() -> None:
    """Of 7 others: one copy of 0 (1/2), three of 1 (won), two of 2 (tied), one of 3 (lost): 4.5 / 7."""
    replies = [*both([0, 1], [1.0, 0.0]), *both([2, 0], [0.5, 0.5]), *both([0, 3], [0.0, 1.0])]
    assert win_share(0, replies, {0: 2, 1: 3, 2: 2, 3: 1}) == 4.5 / 7


def test_opponents_that_were_met_stand_for_the_others() -> None:
    """Of those met it beat 2 of 3, so 2/3 of its 6 opponents, and of 7 others the copy counts one half."""
    replies = [*both([0, 1], [1.0, 0.0]), *both([0, 2], [0.0, 1.0])]
    assert win_share(0, replies, {0: 2, 1: 2, 2: 1, 3: 3}) == 4.5 / 7


def test_what_was_read_in_one_order_only_counts_for_nothing() -> None:
    whole = both([0, 1], [1.0, 0.0])
    torn: list[dict[str, Any]] = [{"order": [0, 2], "values": [0.0, 1.0]}, {"order": [2, 0], "missing": "cut off"}]
    assert win_share(0, [*whole, *torn], {0: 1, 1: 1, 2: 1}) == 1
    assert win_share(2, [*whole, *torn], {0: 1, 1: 1, 2: 1}) is None


def test_an_opponent_met_twice_weighs_no_more_than_one_met_once() -> None:
    """1 was beaten in one of two meetings, 2 in its only one: (1/2 + 1) / 2."""
    replies = [*both([0, 1], [1.0, 0.0]), *both([0, 1], [0.0, 1.0]), *both([0, 2], [1.0, 0.0])]
    assert win_share(0, replies, {0: 1, 1: 1, 2: 1}) == 0.75


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_a_list_is_all_its_pairs(order: list[int]) -> None:
    """Best to worst 0, 1, 2, 3: each beats those below it, which are given 1, 2, 3 and 4 times."""
    copies = {0: 1, 1: 2, 2: 3, 3: 4}
    replies = both(order, [1 - place / 3 for place in order])
    shares = [win_share(i, replies, copies) for i in range(4)]
    assert shares == pytest.approx([1, (0.5 + 7) / 9, (1 + 4) / 9, 1.5 / 9])


def test_equal_shares_are_equal_numbers() -> None:
    """0 and 1 lose to each other once and beat 2 and 3 alike in another order: a sum of thirds could differ."""
    wins = [*both([0, 1], [1.0, 0.0]), *both([0, 1], [0.0, 1.0]), *both([0, 1], [0.5, 0.5])]
    rest = [*both([0, 2], [1.0, 0.0]), *both([3, 0], [1.0, 0.0]), *both([3, 1], [1.0, 0.0]), *both([1, 2], [1.0, 0.0])]
    copies = {0: 1, 1: 1, 2: 5, 3: 4}
    assert win_share(0, [*wins, *rest], copies) == win_share(1, [*wins, *rest], copies) == 0.55
