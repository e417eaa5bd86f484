"""Does one group of accounts begin where another ends? Pools of accounts are changed when the first is banned.

The second group could have begun at any moment of the time over which both were seen: how close it came to the end
of the first is a p-value under that assumption. Groups that one event starts or ends, such as a release or a night,
are close for that reason. So it links nobody and proves nothing: it is told to whoever reads a decision (`course.py`).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["NEEDS", "Failover", "failover"]

NEEDS = ("time",)

_STRAGGLING = 0.05
_CLOSEST = 1_000_000


class Failover(NamedTuple):
    """When the first group ended and the second began, in microseconds, and ln p of being as close."""

    over: int
    begun: int
    log_p: float


def failover(first: Sequence[int], second: Sequence[int], begin: int, end: int) -> Failover:
    """From when accounts of the first group asked last and those of the second first, each in rising order and all
    between `begin` and `end`, in microseconds.

    The end of the first is the time by which 95 % of its accounts have ended, the beginning of the second that by which
    5 % have begun, so stragglers do not move them. Two-sided: a second pool that begins a little early counts as well.
    Never below what a second means. ValueError for a group without accounts, or a time that is over when it begins.
    """
    if not first or not second or begin >= end:
        raise ValueError("give two groups with accounts and a time in which both could have asked")
    over = first[math.ceil((1 - _STRAGGLING) * len(first)) - 1]
    begun = second[math.floor(_STRAGGLING * len(second))]
    gap = max(abs(begun - over), _CLOSEST)
    # The moments that are as close, of those at which it could have begun.
    close = min(over + gap, end) - max(over - gap, begin)
    return Failover(over, begun, math.log(min(1.0, max(close, _CLOSEST) / (end - begin))))
