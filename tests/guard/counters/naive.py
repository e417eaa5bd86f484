"""Counters as slow and as plain as their definition: every amount kept with its time, all sums made anew, in fractions.

`surplus` says by how much a list of admitted amounts passes a limit in its worst window, beyond the stated error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from stillhouse.guard.counters.base import Claim
from stillhouse.guard.counters.window import Window

__all__ = ["Naive", "surplus"]


@dataclass
class Naive:
    """`taken` holds (time, amount) by name."""

    taken: dict[str, list[tuple[Fraction, Fraction]]] = field(default_factory=dict)

    def room(self, claim: Claim, now: float) -> Fraction:
        """What is left of a claim's limit once its amount were taken; below zero is a no."""
        used = _used(self.taken.get(claim.name, []), claim.window, Fraction(now))
        return Fraction(claim.limit) - used - Fraction(claim.amount)

    def take(self, claims: Sequence[Claim], now: float) -> None:
        for claim in claims:
            self.taken.setdefault(claim.name, []).append((Fraction(now), Fraction(claim.amount)))


def _used(taken: Sequence[tuple[Fraction, Fraction]], window: Window, now: Fraction) -> Fraction:
    if isinstance(window, str):
        letters = 10 if window == "day" else 7  # 2026-11-28, 2026-11
        today = _date(now)[:letters]
        return sum((amount for at, amount in taken if _date(at)[:letters] == today), Fraction(0))
    number = now // window
    running = sum((amount for at, amount in taken if at // window == number), Fraction(0))
    before = sum((amount for at, amount in taken if at // window == number - 1), Fraction(0))
    return running + before * (1 - (now - number * window) / window)


def _date(at: Fraction) -> str:
    return datetime.fromtimestamp(float(at), UTC).isoformat()


def surplus(taken: Sequence[tuple[Fraction, Fraction]], window: int, limit: float) -> Fraction:
    """The most by which any window holds more than limit and f * p, as stillhouse.guard.counters.window states it."""
    worst = Fraction(-1)
    for end, _ in taken:
        begun = end // window * window
        share = (end - begun) / window
        late = sum((amount for at, amount in taken if end - window < at < begun), Fraction(0))
        inside = sum((amount for at, amount in taken if end - window < at <= end), Fraction(0))
        worst = max(worst, inside - Fraction(limit) - share * late)
    return worst
