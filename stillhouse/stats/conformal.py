"""Conformal p-values: the rank of a score among the scores of a reference.

If the new score and the reference's are exchangeable, the p-value is at most u with probability at most u, for any
score whatever (Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005, section 2.2). It is never below
`least_p`: a reference of n cannot say more.

A score may itself be made of ranks among the reference, if it treats the new one and the reference alike: each is
ranked among all of them and the new one (full conformal prediction, ibid.). `member` gives what is then a reference's
own: among all n, of which it is one, and the new one taken to be below it. That is never more than its true rank, so
a new score is compared with reference scores that are too high rather than too low.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["conformal_log_p", "least_log_p", "least_p"]


def least_p(n: int) -> float:
    """Of whoever is first among `n` and the new one."""
    return 1 / (n + 1)


def least_log_p(n: int) -> float:
    """ln of the same."""
    return -math.log1p(n)


def conformal_log_p(score: float, reference: NDArray[np.floating[Any]], *, member: bool = False) -> float:
    """ln of (1 + how many reference scores are as large) / (n + 1); `reference` [n] in rising order.

    With `member` the score is one of the reference, and is counted once: how many are as large, itself included, over
    n + 1. ValueError for what is no number: it has no rank.
    """
    if math.isnan(score):
        raise ValueError("a score is nan, which has no rank; its maker has to say what is missing")
    n = len(reference)
    as_large = n - int(np.searchsorted(reference, score, side="left")) + (not member)
    return math.log1p(as_large - 1) + least_log_p(n)
