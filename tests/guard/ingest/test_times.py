"""Every spelling of one moment gives the same milliseconds, and what is no time gives none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.ingest.times import epoch_ms
from stillhouse.records.times import rfc3339

MOMENT = 1784880930125
SPELLINGS: list[object] = [
    "2026-07-24T08:15:30.125Z",
    "2026-07-24t08:15:30.125z",
    "2026-07-24 08:15:30.125",
    "2026-07-24 08:15:30.125499+00",
    "2026-07-24 08:15:30.125499 UTC",
    "2026-07-24T08:15:30,125Z",
    "2026-07-24T10:15:30.125+02:00",
    "2026-07-24T03:45:30.1259-0430",
    "2026-07-24T08:15:30.125499123456Z",
    1784880930.125,
    1784880930.1254999,
    1784880930125,
    1784880930125.75,
    1784880930125499,
    1784880930125499123,
    "1784880930125499123",
    "1784880930125",
    "1784880930.1254",
    " 1784880930125 ",
]


@pytest.mark.parametrize("written", SPELLINGS)
def test_every_spelling_is_the_same_moment(written: object) -> None:
    assert epoch_ms(written) == MOMENT
    assert rfc3339(MOMENT) == "2026-07-24T08:15:30.125Z"


def test_whole_seconds_have_milliseconds_too() -> None:
    assert epoch_ms(1784880930) == epoch_ms("2026-07-24T08:15:30Z") == 1784880930000
    assert rfc3339(1784880930000) == "2026-07-24T08:15:30.000Z"


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "yesterday",
        "2026-07-24",
        "2026-13-24T08:15:30Z",
        "2026-07-24T08:15:60Z",
        "2026-07-24T08:15:30+24:00",
        "2026-07-24T08:15:30.1254991234567Z",
        "١٧٨٤٨٨٠٩٣٠",
        0,
        -1784880930,
        10**30,
        1e300,
        float("nan"),
        "1970-01-01T00:00:00Z",
        "2199-01-01T00:00:00Z",
        "9" * 5000,
        ["2026-07-24T08:15:30Z"],
    ],
)
def test_what_is_no_time_of_a_request_gives_none(written: object) -> None:
    assert epoch_ms(written) is None


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)
def test_offsets_and_fractions_agree_with_datetime(moment: datetime, minutes: int, between: str) -> None:
    written = moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat(between)
    expected = datetime.fromisoformat(written).astimezone(UTC)
    assert rfc3339(epoch_ms(written) or 0) == f"{expected:%Y-%m-%dT%H:%M:%S}.{expected.microsecond // 1000:03d}Z"


@given(st.integers(946_684_800_000, 4_102_444_799_999))
def test_all_units_of_the_epoch_agree(ms: int) -> None:
    assert epoch_ms(ms * 1000) == epoch_ms(ms * 10**6) == epoch_ms(ms) == ms
    assert epoch_ms(ms / 1000) == ms
    assert epoch_ms(rfc3339(ms)) == ms
