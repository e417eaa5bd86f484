"""p-values to e-values, in logarithms: an e-value has expectation at most one under the null, and averages of them too.

The calibrator is k * p^(k - 1) with k = 0.1 (Vovk and Wang, E-values: Calibration, combination and applications,
Annals of Statistics 49, 2021, section 2). Any k in (0, 1) is valid if it is fixed before the data; a small one suits
small p-values, which are what decisions need: p = 1e-6 becomes e = 25,000. The calibrators of that paper without a
parameter give 5,200.

A rank is worth more if it is known to be one: rank r among n honest ones and the new one has probability 1 / (n + 1)
for each r, so any weights a_r that sum to one make (n + 1) a_r an e-value (the first of 5,000 is worth 3,000, and by
the calibrator above 200). Here a_r falls as 1 / r^2. What lies beyond the first rank is worth up to a bound that its
maker knows: a mixture over all levels between the least probability and one, evenly in its logarithm.
"""

import math
from collections.abc import Iterable, Sequence

__all__ = ["log_e_between", "log_e_of_log_p", "log_e_of_rank", "log_mean_e", "log_sum_e", "log_weighted"]

_K = 0.1


def log_e_of_log_p(log_p: float) -> float:
    """ln e of ln p. ValueError unless ln p <= 0 (p = 0 has no e-value: a p-value of zero is a fault of its maker)."""
    if not -math.inf < log_p <= 0.0:
        raise ValueError(f"ln p is {log_p}; a p-value lies above 0 and not above 1")
    return math.log(_K) + (_K - 1.0) * log_p


def log_e_of_rank(rank: int, n: int) -> float:
    """ln e of a conformal rank, 1 to n + 1: (n + 1) 6 / (pi rank)^2. ValueError for what is no such rank."""
    if not 1 <= rank <= n + 1:
        raise ValueError(f"rank {rank} among {n} and the new one; it lies between 1 and {n + 1}")
    return math.log1p(n) + math.log(6.0) - 2 * math.log(math.pi * rank)


def log_e_between(log_p: float, log_least: float) -> float:
    """ln e of ln p <= 0, from a mixture of the levels between exp(log_least) and 1: (1 / p - 1) / -log_least.

    Each level u is worth 1 / u to a p-value that does not exceed it, so every mixture of them is an e-value. A smaller
    p than the least is worth as much as the least. ValueError unless log_least < 0.
    """
    if not -math.inf < log_least < 0.0 or not log_p <= 0.0:
        raise ValueError(f"ln p is {log_p} and its least {log_least}; neither is above 0, and the least is below it")
    inverse = -max(log_p, log_least)
    if inverse == 0.0:
        return -math.inf
    return inverse + math.log(-math.expm1(-inverse)) - math.log(-log_least)


def log_mean_e(log_es: Sequence[float], weights: Sequence[float]) -> float:
    """ln of the weighted sum of e-values; with weights that sum to at most one it is ln of an e-value again.

    Valid under any dependence between them (Vovk and Wang 2021, section 3). ValueError where the weights are no such.
    """
    if len(log_es) != len(weights) or not weights or min(weights) < 0 or sum(weights) > 1 + 1e-9:
        raise ValueError(f"weights {list(weights)} of {len(log_es)} e-values; each needs one, together at most 1")
    return log_sum_e([log_weighted(log_e, weight) for log_e, weight in zip(log_es, weights, strict=True) if weight > 0])


def log_weighted(log_e: float, weight: float) -> float:
    """ln of what an e-value adds to a weighted sum; its weight is above 0."""
    return log_e + math.log(weight)


def log_sum_e(log_es: Iterable[float]) -> float:
    """ln of the sum: of e-values that have their weights in them already. -inf of none."""
    terms = list(log_es)
    largest = max(terms, default=-math.inf)
    if largest == -math.inf:
        return -math.inf
    return largest + math.log(math.fsum(math.exp(term - largest) for term in terms))
