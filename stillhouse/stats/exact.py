"""Bounds for a share of independent things that hold at any count (Clopper and Pearson, Biometrika 26, 1934).

Where none of many was hit, an interval that is near its level on average may still be too short; these never are.
"""

from scipy.stats import beta

__all__ = ["lower_share", "upper_share"]


def upper_share(successes: int, n: int, level: float = 0.05) -> float:
    """Above a binomial share with probability at least 1 - `level`."""
    return 1.0 if successes == n else float(beta.ppf(1 - level, successes + 1, n - successes))


def lower_share(successes: int, n: int, level: float = 0.05) -> float:
    """Below a binomial share with probability at least 1 - `level`."""
    return 0.0 if successes == 0 else float(beta.ppf(level, successes, n - successes + 1))
