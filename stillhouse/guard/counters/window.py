"""Over which time a limit counts, and how much of it is used.

A window of seconds slides. Two counts are kept, of the bucket of that length that runs and of the one before, and used
is `running + before * (share of the bucket before that the window still covers)`: as if what came in the bucket before
had come evenly. The worst case: with p in the last (1 - f) of the bucket before, up to f * p more than the limit lie in
some window that ends when f of the running bucket is over. As f < 1 and p <= limit, no window ever holds twice the
limit; no bucket ever holds more than the limit; and nothing is refused that an even flow at the limit would bring.

Days and months are those of the calendar in UTC and begin anew.
"""

import math
from datetime import UTC, datetime
from typing import Literal

__all__ = ["Calendar", "Window", "bounds", "seconds_until", "weight_before"]

Window = int | Literal["day", "month"]
"""Seconds of a sliding window, or a window of the calendar."""

_DAY = 86400.0
# A caller that waits exactly as long as it is told must not fail for a rounding.
_MARGIN = 0.001


def bounds(window: Window, now: float) -> tuple[float, float]:
    """When the bucket or the calendar window around `now` begins, and when it ends."""
    if window == "month":
        first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        return first.timestamp(), after.timestamp()
    length = _DAY if window == "day" else float(window)
    start = now // length * length
    return start, start + length


def weight_before(window: int, now: float) -> float:
    """The share of the bucket before that the sliding window still covers."""
    return 1.0 - (now - now // window * window) / window


def seconds_until(window: Window, limit: float, amount: float, running: float, before: float, now: float) -> float:
    """After which time `amount` fits, if nobody else takes any; infinite where it never does. Amount 0: any is left."""
    start, end = bounds(window, now)
    if amount > limit:
        return math.inf
    if isinstance(window, str):
        return end - now + _MARGIN
    room = limit - amount - running
    if room >= 0 and (amount or room):
        # Still in this bucket: before * (1 - f) has to fall to `room`.
        return max(start + (1.0 - room / before) * window - now, 0.0) + _MARGIN if before else _MARGIN
    # In the next one `running` is the bucket before.
    room = limit - amount
    return end + max(1.0 - room / running, 0.0) * window - now + _MARGIN


class Calendar:
    """The day and the month that run, looked up once and kept while they last."""

    __slots__ = ("_day", "_month")

    def __init__(self) -> None:
        self._day = self._month = (0.0, 0.0)

    def bounds(self, window: Literal["day", "month"], now: float) -> tuple[float, float]:
        kept = self._day if window == "day" else self._month
        if kept[0] <= now < kept[1]:
            return kept
        kept = bounds(window, now)
        if window == "day":
            self._day = kept
        else:
            self._month = kept
        return kept
