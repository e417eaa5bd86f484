"""Moments, written and read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.records.times import microseconds, rfc3339


def test_a_moment_has_milliseconds() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_784_881_730_125) == "2026-07-24T08:28:50.125Z"
    assert rfc3339(951_782_400_000) == "2000-02-29T00:00:00.000Z"


@given(st.integers(0, 4_102_444_799_999))
def test_what_is_written_is_read(ms: int) -> None:
    seconds, rest = divmod(ms, 1000)
    assert rfc3339(ms) == f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
    assert microseconds(rfc3339(ms)) == ms * 1000


@pytest.mark.parametrize("text", ["2026-07-24T08:28:50.125z", "2026-07-24 08:28:50.125+00:00"])
def test_other_spellings_of_utc_are_read(text: str) -> None:
    assert microseconds(text) == 1_784_881_730_125_000


@pytest.mark.parametrize("text", ["no time", "2026-07-24T08:28:50+02:00", "2026-13-24T08:28:50Z", "2026-07-24"])
def test_what_is_no_utc_is_none(text: str) -> None:
    assert microseconds(text) is None
