"""Days and hours of people: their own clock, weekends, and rates that differ."""

from random import Random
from statistics import median

import pytest

from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.people.rhythm import Rhythm, draw_rhythm, session_starts
from tests.range.small import BEGIN

BUSY = Rhythm(rate=40.0, weekend=0.25, utc_hours=0.0, peak=14, talks=0.3, pace=1.0)


def test_half_of_all_people_have_less_than_the_median_and_a_few_have_many_times_that() -> None:
    rates = [draw_rhythm(Random(number), 0, 0.5).rate for number in range(3000)]
    assert median(rates) == pytest.approx(0.5, rel=0.1) and max(rates) > 10 * 0.5
    top = sorted(rates)[-300:]
    assert 0.3 < sum(top) / sum(rates) < 0.7  # by theory .43


def test_sessions_are_sorted_inside_the_day_and_around_the_peak() -> None:
    starts = [start - BEGIN for start in session_starts(Random(1), BUSY._replace(rate=3000), BEGIN, ())]
    assert starts == sorted(starts) and all(0 <= start < DAY for start in starts)
    near = sum(abs(start / HOUR - 14) < 6 for start in starts) / len(starts)
    asleep = sum(start / HOUR < 4 for start in starts) / len(starts)
    assert near > 0.85 and asleep < 0.02


@pytest.mark.parametrize("utc_hours", [-8.0, 5.5, 10.0])
def test_the_clock_is_the_persons_own(utc_hours: float) -> None:
    rhythm = BUSY._replace(rate=3000, utc_hours=utc_hours)
    starts = session_starts(Random(1), rhythm, BEGIN, ())
    local = [(start / HOUR + utc_hours) % 24 for start in starts]
    assert sum(8 <= hour < 20.5 for hour in local) / len(local) > 0.8


def test_the_weekend_is_another_time() -> None:
    week = [len(session_starts(Random(day), BUSY, BEGIN + day * DAY, ())) for day in range(7)]
    assert sum(week[5:]) / 2 < 0.5 * sum(week[:5]) / 5


def test_real_arrivals_say_where_in_the_hour() -> None:
    starts = session_starts(Random(1), BUSY._replace(rate=200), BEGIN, (0.25, 0.75))
    assert {start % HOUR / HOUR for start in starts} == {0.25, 0.75}
