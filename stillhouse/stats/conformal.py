"""Conformal p-values: the rank of a score among the scores of a reference.

If the new score and the reference's are exchangeable, the p-value is at most u with probability at most u, for any
score whatever (Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005, section 2.2). It is never below
1 / (n + 1): a reference of n cannot say more.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["conformal_log_p"]


def conformal_log_p(score: float, reference: NDArray[np.floating[Any]]) -> float:
    """ln of (1 + how many reference scores are as large) / (n + 1); `reference` [n] in rising order."""
    n = len(reference)
    at_least = n - int(np.searchsorted(reference, score, side="left"))
    return math.log1p(at_least) - math.log1p(n)
