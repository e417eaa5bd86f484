"""Does one group of accounts begin where another ends? Pools of accounts are changed when the first is banned.

The second group could have begun at any moment of the time over which both were seen: how close it came to the end
of the first is a p-value under that assumption. Groups that one event starts or ends, such as a release or a night,
are close for that reason, so this links and proves nothing.
"""

import math
from collections.abc import Sequence

__all__ = ["NEEDS", "failover"]

NEEDS = ("time",)

_STRAGGLING = 0.05
_CLOSEST = 1_000_000


def failover(first: Sequence[int], second: Sequence[int], begin: int, end: int) -> float:
    """ln p of two groups' request times in rising order, all between `begin` and `end`, in microseconds.

    The end of the first is the time by which 95 % of its requests have come, the beginning of the second that by which
    5 % have, so stragglers do not move them. Two-sided: a second pool that begins a little early counts as well.
    Never below what a second means. ValueError for a group without requests, or a time that is over when it begins.
    """
    if not first or not second or begin >= end:
        raise ValueError("give two groups with requests and a time in which both could have asked")
    over = first[math.ceil((1 - _STRAGGLING) * len(first)) - 1]
    begun = second[math.floor(_STRAGGLING * len(second))]
    gap = max(abs(begun - over), _CLOSEST)
    # The moments that are as close, of those at which it could have begun.
    close = min(over + gap, end) - max(over - gap, begin)
    return math.log(min(1.0, max(close, _CLOSEST) / (end - begin)))
