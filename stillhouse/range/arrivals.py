"""When machines ask: even and flat, at a fixed hour of the night, on a timer, or when people at an office make them.

What a person does by the clock of his own is in `people/rhythm.py`. Where the corpus has real inter-arrival times
(each list divided by its mean), a flat stream walks through them at its own pace, and people's sessions begin inside
an hour where real requests did; without them gaps are exponential and hours are even.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random

__all__ = ["DAY", "HOUR", "flat", "nightly", "office_hours", "on_timer", "places_in_hour", "weekday"]

HOUR = 3_600_000
DAY = 24 * HOUR


def flat(rng: Random, start: int, seconds: float, gaps: Sequence[float] = ()) -> Iterator[int]:
    """Endless times from `start` on, `seconds` apart in the mean: real gaps from some place on where there are any."""
    now = float(start)
    place = rng.randrange(len(gaps)) if gaps else 0
    while True:
        yield int(now)
        if gaps:
            now += 1000 * seconds * gaps[place]
            place = (place + 1) % len(gaps)
        else:
            now += 1000 * rng.expovariate(1 / seconds)


def nightly(rng: Random, begin: int, end: int, hour: int) -> Iterator[int]:
    """Once a day at `hour` of UTC, up to a minute and a half late, as schedulers are."""
    for midnight in range(begin, end, DAY):
        yield midnight + hour * HOUR + rng.randrange(90_000)


def on_timer(rng: Random, begin: int, end: int, minutes: int) -> Iterator[int]:
    """Every so many minutes from the full hour on, a few seconds late."""
    for tick in range(begin, end, minutes * 60_000):
        yield tick + rng.randrange(1000, 6000)


def office_hours(rng: Random, begin: int, end: int, utc_hours: float, per_day: float) -> Iterator[int]:
    """In order, between 8 and 18 o'clock of local weekdays; `per_day` on each in the mean."""
    for midnight in range(begin - DAY, end, DAY):
        if weekday(midnight) >= 5:
            continue
        opens = midnight + int((8 - utc_hours) * HOUR)
        count = max(0, round(rng.gauss(per_day, math.sqrt(per_day))))
        times = sorted(opens + int(rng.random() * 10 * HOUR) for _ in range(count))
        yield from (time for time in times if begin <= time < end)


def weekday(midnight: int) -> int:
    """Day of the week, Monday 0; 1970-01-01 was a Thursday."""
    return (midnight // DAY + 3) % 7


def places_in_hour(gaps: Sequence[float]) -> tuple[float, ...]:
    """Where in its hour each real request came, in [0, 1): the running sum of the gaps over their total."""
    sums = list(accumulate(gaps))
    return tuple(value / sums[-1] for value in sums[:-1])
