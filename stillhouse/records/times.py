"""Moments in records: RFC 3339 in UTC, written with milliseconds, read to the microsecond."""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

__all__ = ["microseconds", "rfc3339"]

_DAY = 86_400_000
_RFC3339_UTC = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]00:00)")


def rfc3339(ms: int) -> str:
    """`2026-07-24T08:15:30.125Z` of milliseconds since 1970."""
    day, rest = divmod(ms, _DAY)
    seconds, thousandths = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{_date(day)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{thousandths:03d}Z"


@lru_cache(maxsize=8)
def microseconds(text: str) -> int | None:
    """Microseconds since 1970 of RFC 3339 in UTC; None of any other text. Who checks a moment soon wants its number."""
    if not _RFC3339_UTC.fullmatch(text):
        return None
    try:
        return round(datetime.fromisoformat(text.upper()).timestamp() * 1_000_000)
    except ValueError:
        return None


@lru_cache(maxsize=8)
def _date(day: int) -> str:
    """Whoever writes many moments writes them day by day; making the date is most of the work."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
