"""Days of an account's own, by hand."""

import math
import random

import pytest

from stillhouse.guard.features.cadence import LEAST, Cadence, Closing, regularity, spread

SECOND = 1_000_000
HOUR = 3600 * SECOND


def closings(times: list[int]) -> list[Closing]:
    cadence = Cadence(times[0])
    return [closing for at in times if (closing := cadence.add(at)) is not None]


def test_a_clock_closes_when_its_requests_have_doubled() -> None:
    """One request a minute for 65 minutes: closings at 32 and at 64."""
    found = closings([at * 60 * SECOND for at in range(65)])
    assert [one.requests for one in found] == [32, 64]
    assert found[0].regularity == pytest.approx(1.0, abs=1e-6) and found[0].spread == 1.0
    # 60 in the first hour and 4 in the second.
    p = 4 / 64
    assert found[1].spread == pytest.approx(math.exp(-p * math.log(p) - (1 - p) * math.log(1 - p)))


def test_a_day_closes_when_it_is_over_and_the_next_begins_anew() -> None:
    """Two an hour, day and night: 48 a day over 24 hours."""
    found = closings([at * HOUR // 2 for at in range(100)])
    assert [one.requests for one in found] == [32, 48, 32, 48]
    assert found[1].spread == pytest.approx(24.0)
    assert found[1] == found[3]


def test_days_are_the_account_s_own() -> None:
    """40 requests around a midnight are one day, whenever the first one came."""
    for begin in (0, 5 * HOUR + 17, 23 * HOUR):
        assert [one.requests for one in closings([begin + at * HOUR // 4 for at in range(40)])] == [32]


def test_too_few_of_a_day_say_nothing() -> None:
    assert closings([at * HOUR for at in range(24 * 5)]) == []
    assert len(closings(list(range(LEAST)))) == 1


def test_what_comes_at_one_moment_has_no_rhythm() -> None:
    (found,) = closings([7] * LEAST)
    assert (found.regularity, found.spread) == (0.0, 1.0)


def test_regularity_of_independent_requests_is_near_nothing() -> None:
    rng = random.Random(1)
    times, now = [], 0
    for _ in range(4096):
        times.append(now)
        now += int(rng.expovariate(1.0) * SECOND)
    assert abs(closings(times)[-1].regularity) < 0.05


def test_parts_by_hand() -> None:
    assert spread([1] * 24) == pytest.approx(24.0) and spread([0, 9, 0]) == 1.0
    assert regularity(2.0, 0.0) == 1.0 and regularity(1.0, 3.0) == -0.5 and regularity(0.0, 0.0) == 0.0


def test_the_newest_request_and_the_sum_of_all_moments_are_known() -> None:
    """Of whatever days: an hour, a day and two days after the first."""
    cadence = Cadence(5 * HOUR)
    for at in (0, 1, 24, 48):
        cadence.add((5 + at) * HOUR)
    assert cadence.newest == 53 * HOUR and cadence.moments == (5 + 6 + 29 + 53) * HOUR
