"""When machines ask, and how real gaps are used."""

from itertools import islice, pairwise
from random import Random

import pytest

from stillhouse.range.arrivals import DAY, HOUR, flat, nightly, office_hours, on_timer, places_in_hour, weekday
from tests.range.small import BEGIN

END = BEGIN + 14 * DAY


def test_flat_without_real_gaps_is_exponential_around_the_mean() -> None:
    times = list(islice(flat(Random(1), BEGIN, 2.0), 4000))
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] == BEGIN and sum(gaps) / len(gaps) == pytest.approx(2000, rel=0.06)
    assert 0.6 < sum(gap < 2000 for gap in gaps) / len(gaps) < 0.66  # 1 - 1/e


def test_flat_with_real_gaps_walks_through_them_at_its_own_pace() -> None:
    gaps = (0.5, 1.5, 0.25, 1.75)
    times = list(islice(flat(Random(1), 0, 4.0, gaps), 9))
    steps = [after - before for before, after in pairwise(times)]
    assert sorted(steps[:4]) == [1000, 2000, 6000, 7000] and steps[4:] == steps[:4]


def test_nightly_is_at_the_same_hour_each_day() -> None:
    times = list(nightly(Random(1), BEGIN, END, 3))
    assert len(times) == 14
    assert all(3 * HOUR <= (time - BEGIN) % DAY < 3 * HOUR + 90_000 for time in times)


def test_a_timer_ticks_at_full_minutes() -> None:
    times = list(on_timer(Random(1), BEGIN, BEGIN + HOUR, 15))
    assert [(time - BEGIN) // 60_000 for time in times] == [0, 15, 30, 45]


@pytest.mark.parametrize("utc_hours", [-8, 0, 5.5, 12])
def test_office_hours_are_those_of_local_weekdays(utc_hours: float) -> None:
    times = list(office_hours(Random(1), BEGIN, END, utc_hours, 30.0))
    local = [time + int(utc_hours * HOUR) for time in times]
    assert times == sorted(times) and all(BEGIN <= time < END for time in times)
    assert all(8 <= time % DAY / HOUR < 18 for time in local)
    assert {weekday(time // DAY * DAY) for time in local} == {0, 1, 2, 3, 4}
    assert 200 < len(times) < 400


def test_the_first_day_of_the_tests_is_a_monday() -> None:
    assert weekday(BEGIN) == 0


def test_places_in_an_hour_are_the_running_sums() -> None:
    assert places_in_hour((1.0, 2.0, 1.0)) == (0.25, 0.75)
