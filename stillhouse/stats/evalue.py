"""p-values to e-values, in logarithms: an e-value has expectation at most one under the null, and averages of them too.

The calibrator is k * p^(k - 1) with k = 0.1 (Vovk and Wang, E-values: Calibration, combination and applications,
Annals of Statistics 49, 2021, section 2). Any k in (0, 1) is valid if it is fixed before the data; a small one suits
small p-values, which are what decisions need: p = 1e-6 becomes e = 25,000. The calibrators of that paper without a
parameter give 5,200.
"""

import math
from collections.abc import Iterable, Sequence

__all__ = ["log_e_of_log_p", "log_mean_e", "log_sum_e"]

_K = 0.1


def log_e_of_log_p(log_p: float) -> float:
    """ln e of ln p. ValueError unless ln p <= 0 (p = 0 has no e-value: a p-value of zero is a fault of its maker)."""
    if not -math.inf < log_p <= 0.0:
        raise ValueError(f"ln p is {log_p}; a p-value lies above 0 and not above 1")
    return math.log(_K) + (_K - 1.0) * log_p


def log_mean_e(log_es: Sequence[float], weights: Sequence[float]) -> float:
    """ln of the weighted sum of e-values; with weights that sum to at most one it is ln of an e-value again.

    Valid under any dependence between them (Vovk and Wang 2021, section 3). ValueError where the weights are no such.
    """
    if len(log_es) != len(weights) or not weights or min(weights) < 0 or sum(weights) > 1 + 1e-9:
        raise ValueError(f"weights {list(weights)} of {len(log_es)} e-values; each needs one, together at most 1")
    return log_sum_e([log_e + math.log(weight) for log_e, weight in zip(log_es, weights, strict=True) if weight > 0])


def log_sum_e(log_es: Iterable[float]) -> float:
    """ln of the sum: of e-values that have their weights in them already. -inf of none."""
    terms = list(log_es)
    largest = max(terms, default=-math.inf)
    if largest == -math.inf:
        return -math.inf
    return largest + math.log(math.fsum(math.exp(term - largest) for term in terms))
