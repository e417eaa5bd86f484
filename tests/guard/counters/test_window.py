"""Windows by hand: where they begin and end, and after which time something fits."""

import math
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stillhouse.guard.counters.window import Calendar, bounds, seconds_until, weight_before


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        (60, "2026-11-28T13:45:59.5", "2026-11-28T13:45:00", "2026-11-28T13:46:00"),
        (60, "2026-11-28T13:46:00", "2026-11-28T13:46:00", "2026-11-28T13:47:00"),
        ("day", "2026-11-28T23:59:59.9", "2026-11-28T00:00:00", "2026-11-29T00:00:00"),
        ("month", "2026-11-28T23:59:59.9", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
        ("month", "2026-12-31T23:59:59.9", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("month", "2028-02-29T12:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
    ],
)
def test_bounds(window: int | Literal["day", "month"], now: str, start: str, end: str) -> None:
    assert bounds(window, at(now)) == (at(start), at(end))
    if not isinstance(window, int):
        calendar = Calendar()
        assert [calendar.bounds(window, at(now)) for _ in range(2)] == [(at(start), at(end))] * 2
        assert calendar.bounds(window, at(end))[0] == at(end)
        assert calendar.bounds(window, at(now)) == (at(start), at(end))


@pytest.mark.parametrize(
    ("limit", "amount", "running", "before", "now", "seconds"),
    [
        # 10 before, at 15 s of 60: 7.5 count. One fits beside 9, which is at 6 s: now. Two fit beside 8: at 12 s.
        (10, 1, 0, 10, 615.0, 0.0),
        (10, 4, 0, 10, 615.0, 9.0),  # at 24 s, where 6 count
        (10, 10, 0, 10, 615.0, 45.0),  # when nothing counts any more
        (10, 1, 10, 0, 615.0, 45.0 + 6.0),  # at 6 s of the next bucket, where 9 count
        (10, 10, 1, 0, 615.0, 45.0 + 60.0),
        (10, 1, 40, 0, 615.0, 45.0 + 46.5),  # settled far beyond: 9 of 40 count at 46.5 s
        (10, 11, 0, 0, 615.0, math.inf),
    ],
)
def test_seconds_until_by_hand(
    limit: float, amount: float, running: float, before: float, now: float, seconds: float
) -> None:
    assert seconds_until(60, limit, amount, running, before, now) == pytest.approx(seconds, abs=0.002)


def test_a_calendar_window_lets_wait_until_it_is_over() -> None:
    now = at("2026-11-28T22:00:00")
    assert seconds_until("day", 10, 1, 10, 0, now) == pytest.approx(7200, abs=0.002)
    assert seconds_until("month", 10, 0, 10, 0, now) == pytest.approx(7200 + 2 * 86400, abs=0.002)


@given(st.integers(1, 100), st.integers(0, 100), st.integers(0, 300), st.integers(0, 300), st.integers(0, 5999))
def test_who_waits_as_long_as_told_fits_and_who_waits_less_does_not(
    limit: int, amount: int, running: int, before: int, hundredths: int
) -> None:
    """`running` grows no more while one waits: then the time is exact."""
    assume(amount <= limit)
    start, now = 1_700_000_040.0, 1_700_000_040.0 + hundredths / 100

    def fits(after: float) -> bool:
        passed = now + after - start
        counts = (running, before) if passed < 60 else (0, running) if passed < 120 else (0, 0)
        used = counts[0] + counts[1] * weight_before(60, now + after)
        return used + amount <= limit and (amount > 0 or used < limit)

    seconds = seconds_until(60, limit, amount, running, before, now)
    if fits(0.0):
        assert seconds <= 0.002
        return
    assert fits(seconds)
    assert not fits(max(seconds - 0.01, 0.0))
