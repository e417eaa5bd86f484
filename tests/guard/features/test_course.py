"""How accounts came and went, by hand."""

import math

import pytest

from stillhouse.guard.features.course import Life, course

HOUR = 3_600_000_000


def life(first: int, *others: int) -> Life:
    """In hours."""
    return Life(first * HOUR, max((first, *others)) * HOUR, 1 + len(others), sum((first, *others)) * HOUR)


def test_requests_that_come_evenly_and_more_and_more() -> None:
    even = course([life(10, 12), life(11), life(10, 12)])
    later = course([life(10, 12, 12), life(12, 12, 12), life(12)])
    assert even is not None and even.ramp == pytest.approx(0.5)
    assert later is not None and later.ramp == pytest.approx(6 / 7)


def test_a_burst_is_accounts_that_come_at_once() -> None:
    """The time is 24 hours, so each part is one; the end is of the last part."""
    found = course([life(100), life(110), life(110), life(124)])
    assert found is not None and found.burst == 0.5
    found = course([life(100), life(123), life(124), life(124)])
    assert found is not None and found.burst == 0.75


def test_a_pool_that_begins_when_another_ended() -> None:
    """Thirty accounts until hour 50 at most, twenty from hour 51 on, of 100."""
    first = [life(at % 3, 50 - at % 5) for at in range(30)]
    second = [life(51 + at % 4, 100) for at in range(20)]
    found = course([*second, *first])
    assert found is not None and found.handover is not None
    assert (found.handover.before, found.handover.after) == (30, 20)
    failover = found.handover.failover
    assert (failover.over, failover.begun) == (50 * HOUR, 51 * HOUR)
    assert failover.log_p == pytest.approx(math.log(2 / 100))


def test_one_that_comes_late_is_no_pool() -> None:
    """Of forty accounts a tenth is four; the largest gap that leaves as many is the one before the fifth."""
    found = course([*(life(0, 50) for _ in range(4)), *(life(2, 50) for _ in range(35)), life(40, 50)])
    assert found is not None and found.handover is not None
    assert (found.handover.before, found.handover.after) == (4, 36)


def test_accounts_that_begin_together_have_no_handover() -> None:
    found = course([life(1, 5), life(1, 9), life(1, 7)])
    assert found is not None and found.handover is None
    alone = course([life(1, 5)])
    assert alone is not None and (alone.ramp, alone.burst, alone.handover) == (0.5, 1.0, None)


def test_what_comes_at_one_moment_has_no_course() -> None:
    assert course([life(3), life(3)]) is None
