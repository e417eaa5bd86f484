"""When an account asks: over how much of the day, and how evenly.

People sleep, and ask in sittings. A queue that is worked off knows neither; nor do the servers of honest customers,
so nothing here says what a machine works for. Days are the account's own and begin with its first request, or with the
first of a span that it is compared over: no time zone has to be guessed. The state is of fixed size, whatever is asked.
"""

import math
from array import array
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["LEAST", "NEEDS", "Cadence", "Closing", "regularity", "spread"]

NEEDS = ("time",)

LEAST = 32
"""Requests of one day from which it says something."""
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


class Closing(NamedTuple):
    """One day of an account's own, so far: how many requests, and how they lie in it."""

    requests: int
    spread: float
    regularity: float


class Cadence:
    """Follows one account whose first request is at `since`, in microseconds.

    `newest` is the time of its newest request, `moments` the sum of the times of all.
    """

    __slots__ = ("_day", "_hours", "_requests", "_since", "_squares", "_total", "moments", "newest")

    def __init__(self, since: int) -> None:
        self.newest = since
        self.moments = 0.0
        self.begin_days(since)

    def begin_days(self, since: int) -> None:
        """Count days from then on, and nothing of before."""
        self._since = since
        self._day = 0
        self._begin()

    def _begin(self) -> None:
        self._hours = array("I", bytes(96))
        self._requests = 0
        self._total = 0.0
        self._squares = 0.0

    def add(self, at: int) -> Closing | None:
        """Count a request, not before the last one. A day's state whenever its requests have doubled from `LEAST` on,
        and once more when it is over."""
        closing = None
        since = at - self._since
        if since // _DAY != self._day:
            if self._requests >= LEAST and self._requests & (self._requests - 1):
                closing = self._closing()
            self._day = since // _DAY
            self._begin()
        elif self._requests:
            gap = (at - self.newest) * 1e-6
            self._total += gap
            self._squares += gap * gap
        self._hours[since // _HOUR % 24] += 1
        self._requests += 1
        self.newest = at
        self.moments += at
        if self._requests >= LEAST and not self._requests & (self._requests - 1):
            closing = self._closing()
        return closing

    def _closing(self) -> Closing:
        gaps = self._requests - 1
        mean = self._total / gaps
        deviation = math.sqrt(max(0.0, self._squares / gaps - mean * mean))
        return Closing(self._requests, spread(self._hours), regularity(mean, deviation))


def spread(hours: Sequence[int]) -> float:
    """Over how many hours requests are spread: exp(entropy), 1 to len(hours) (Hill, Ecology 54, 1973, order 1)."""
    total = sum(hours)
    return math.exp(-math.fsum(count / total * math.log(count / total) for count in hours if count))


def regularity(mean: float, deviation: float) -> float:
    """Of the gaps between requests: 1 for a clock, 0 for independent requests, towards -1 for sittings.

    (mean - deviation) / (mean + deviation), the burstiness of Goh and Barabasi (EPL 81, 2008) with the other sign; 0
    where all requests came at one moment.
    """
    return (mean - deviation) / (mean + deviation) if mean + deviation > 0 else 0.0
