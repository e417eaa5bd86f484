"""When one person asks: days of his own, hours of his own, turns in bursts.

A session begins at an hour of the person's own clock and habit; how many sessions a week he has differs between
people by a heavy-tailed (log-normal) rate, as in all records of use by many; turns inside a session follow at
log-normal gaps.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import NamedTuple

from stillhouse.range.arrivals import HOUR, weekday
from stillhouse.range.seeds import cumulative, pick, poisson

__all__ = ["Rhythm", "draw_rhythm", "session_starts"]

_SPREAD = 1.1  # of the log of the rate
_HOURS = tuple(range(24))


class Rhythm(NamedTuple):
    """`rate` sessions on a weekday, `weekend` times that at the weekend; `peak` is his busiest hour.

    `talks` is the chance of another conversation in a session, `pace` stretches the gaps between turns.
    """

    rate: float
    weekend: float
    utc_hours: float
    peak: int
    talks: float
    pace: float


def draw_rhythm(rng: Random, utc_hours: float, median_rate: float, weekend: float | None = None) -> Rhythm:
    """The rhythm of one person; half of all people have fewer than `median_rate` sessions a weekday."""
    return Rhythm(
        rate=median_rate * math.exp(rng.gauss(0, _SPREAD)),
        weekend=rng.uniform(0.15, 1.5) if weekend is None else weekend,
        utc_hours=utc_hours,
        peak=round(rng.gauss(14.5, 3.5)) % 24,
        talks=rng.uniform(0.1, 0.6),
        pace=math.exp(rng.gauss(0, 0.4)),
    )


def session_starts(rng: Random, rhythm: Rhythm, midnight: int, places: Sequence[float]) -> list[int]:
    """Beginnings of that day's sessions, sorted, in milliseconds.

    `midnight` begins the day in UTC; `places` are the places in an hour that sessions may begin at (none: any).
    """
    count = poisson(rng, rhythm.rate * (rhythm.weekend if weekday(midnight) >= 5 else 1.0))
    starts = []
    for _ in range(count):
        hour = int((pick(rng, _HOURS, _hour_sums(rhythm.peak)) - rhythm.utc_hours) % 24)
        share = rng.random()
        inside = places[int(share * len(places))] if places else share
        starts.append(midnight + int((hour + inside) * HOUR))
    return sorted(starts)


@lru_cache(maxsize=24)
def _hour_sums(peak: int) -> tuple[float, ...]:
    """Most within six hours of the peak, hardly anything at the opposite end of the day."""
    return cumulative([math.exp(2.2 * math.cos((hour - peak) * math.tau / 24)) for hour in _HOURS])
