"""The one rule by which every calibrated baseline gets its threshold: how many honest units may exceed it."""

import math
from collections.abc import Sequence

__all__ = ["threshold"]


def threshold(scores: Sequence[float], share: float) -> float:
    """The smallest of the honest `scores` that at most `share` of them exceed, ties counted.

    That is their (1 - share) quantile as an observed value. With fewer than 1 / share scores it is their largest, so
    none exceeds it, and how often others will is then known to about 1 in their number and no better.
    """
    if not scores:
        raise ValueError("no scores to calibrate on")
    allowed = math.floor(share * len(scores) + 1e-9)
    return sorted(scores, reverse=True)[allowed]
