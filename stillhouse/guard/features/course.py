"""How the accounts of a campaign came and went: more and more requests, all accounts at once, one pool after another.

For whoever reads a decision, and not weighed: a launch, a class and a release look alike, and what a group's cadence is
among honest groups was not learnt. It takes four numbers an account, of whatever volume.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stillhouse.guard.features.failover import Failover, failover

__all__ = ["NEEDS", "Course", "Handover", "Life", "course"]

NEEDS = ("time",)

_PARTS = 24
_LEAST_POOL = 0.1


class Life(NamedTuple):
    """One account: its first and its newest request, in microseconds, how many there were, and their times' sum."""

    first: int
    newest: int
    requests: int
    moments: float


class Handover(NamedTuple):
    """So many accounts asked first before the longest time in which none did, and so many after it."""

    before: int
    after: int
    failover: Failover


class Course(NamedTuple):
    """`ramp` is the mean moment of all requests, from 0, the first, to 1, the newest: 0.5 where they come evenly.

    `burst` is the share of accounts that asked first within the fullest of 24 equal parts of that time. `handover` is
    None where no tenth of the accounts came after the others.
    """

    ramp: float
    burst: float
    handover: Handover | None


def course(lives: Sequence[Life]) -> Course | None:
    """Of a campaign's accounts; None where all their requests came at one moment."""
    begin, end = min(one.first for one in lives), max(one.newest for one in lives)
    if begin == end:
        return None
    mean = sum(one.moments for one in lives) / sum(one.requests for one in lives)
    came = [0] * _PARTS
    for one in lives:
        came[min(_PARTS - 1, _PARTS * (one.first - begin) // (end - begin))] += 1
    return Course((mean - begin) / (end - begin), max(came) / len(lives), _handover(lives, begin, end))


def _handover(lives: Sequence[Life], begin: int, end: int) -> Handover | None:
    ordered = sorted(lives)
    least = max(1, round(_LEAST_POOL * len(lives)))
    splits = range(least, len(lives) - least + 1)
    split = max(splits, key=lambda at: ordered[at].first - ordered[at - 1].first, default=None)
    if split is None or ordered[split].first == ordered[split - 1].first:
        return None
    over = sorted(one.newest for one in ordered[:split])
    begun = [one.first for one in ordered[split:]]
    return Handover(split, len(lives) - split, failover(over, begun, begin, end))
