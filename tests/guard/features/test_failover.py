"""A handover by hand, and its p-value where the second group could begin at any moment."""

import math
import random

import pytest

from stillhouse.guard.features.failover import failover

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


def test_a_pool_that_begins_five_minutes_after_another_ended() -> None:
    first = [at * MINUTE for at in range(1000)]
    second = [first[949] + 5 * MINUTE + at * MINUTE for at in range(1, 100)]
    # The 95th percentile of the first is its request 950, the 5th of the second its fifth: ten minutes apart.
    assert failover(first, second, 0, DAY).log_p == pytest.approx(math.log(20 / (24 * 60)))


def test_a_second_pool_that_begins_early_counts_as_much() -> None:
    first, later = [12 * 60 * MINUTE], [12 * 60 * MINUTE + 30 * MINUTE]
    ours, theirs = failover(first, later, 0, DAY), failover(later, first, 0, DAY)
    assert ours.log_p == pytest.approx(theirs.log_p) and ours[:2] == (first[0], later[0])


def test_stragglers_do_not_move_an_end() -> None:
    first = [at * MINUTE for at in range(960)] + [DAY - MINUTE]
    assert failover(first, [915 * MINUTE], 0, DAY).log_p < math.log(0.01)


def test_it_is_never_surer_than_a_second_and_never_above_one() -> None:
    assert failover([MINUTE], [MINUTE], 0, DAY).log_p == pytest.approx(math.log(2_000_000 / DAY))
    assert failover([0], [DAY], 0, DAY).log_p == 0.0


def test_it_is_a_p_value_where_the_beginning_is_anywhere() -> None:
    rng = random.Random(3)
    over = [DAY // 3]
    found = [failover(over, [rng.randrange(DAY)], 0, DAY).log_p for _ in range(4000)]
    for level in (0.5, 0.1, 0.02):
        share = sum(log_p <= math.log(level) for log_p in found) / len(found)
        assert share <= level + 3 * math.sqrt(level / 4000)


@pytest.mark.parametrize(("first", "second", "end"), [([], [1], 2), ([1], [], 2), ([1], [1], 0)])
def test_nothing_to_compare_is_refused(first: list[int], second: list[int], end: int) -> None:
    with pytest.raises(ValueError, match="give two groups"):
        failover(first, second, 0, end)
