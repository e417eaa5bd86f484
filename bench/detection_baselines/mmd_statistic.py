"""The distance between two samples of vectors: the unbiased estimate of MMD^2 under a mean of four Gaussian kernels.

As in the detector of arXiv 2606.05725 (LabRAI/mmd-llm-mea-detection, commit 8bf1aa1,
MMD_detection/mmd_detector_gpu.py with the options of its run script): k(x, y) is the mean of exp(-|x - y|^2 / (2
s^2)) over s = 1/2, 1, 2 and 4 times the median distance of honest queries, and (Gretton et al., JMLR 13, 2012, lemma
6)

    MMD^2 = sum_{i != j} k(x_i, x_j) / (m (m - 1)) + sum_{i != j} k(y_i, y_j) / (n (n - 1)) - 2 sum k(x_i, y_j) / (m n)

Vectors in float32 or float64; sums are in float64.
"""

from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["REPEATS", "Reference", "kernel", "median_distance", "mmd2"]

REPEATS = 20
Rows: TypeAlias = NDArray[np.floating[Any]]


def _squared_distances(x: Rows, y: Rows) -> Rows:
    squares: Rows = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * (x @ y.T)
    return np.maximum(squares, 0, out=squares)


def median_distance(x: Rows) -> float:
    """Of all pairs of rows that are not equal; the lower one of two medians. 1 where all rows are equal."""
    squares = _squared_distances(x, x)[np.triu_indices(len(x), 1)]
    squares = squares[squares > 0]
    if not len(squares):
        return 1.0
    middle = (len(squares) - 1) // 2
    return float(np.sqrt(np.partition(squares, middle)[middle]))


def kernel(x: Rows, y: Rows, sigma: float) -> Rows:
    """k of each row of `x` with each of `y`: one exponential, whose fourth power is that of half the width."""
    found = _squared_distances(x, y)
    found *= -1 / (2 * (4 * sigma) ** 2)
    power: Rows = np.exp(found, out=found)
    total = power.copy()
    for _ in range(3):
        power *= power
        power *= power
        total += power
    total /= 4
    return total


def mmd2(x: Rows, y: Rows, sigma: float) -> float:
    """At least two rows each. Not bounded below by 0."""
    return _within(x, sigma) + _within(y, sigma) - 2 * float(kernel(x, y, sigma).mean(dtype=np.float64))


def _within(x: Rows, sigma: float) -> float:
    n = len(x)
    if n < 2:
        raise ValueError(f"{n} rows have no distance among themselves; give 2 or more")
    k = kernel(x, x, sigma)
    return (float(k.sum(dtype=np.float64)) - float(np.trace(k, dtype=np.float64))) / (n * (n - 1))


class Reference:
    """REPEATS samples of honest queries, drawn once; a window's score is the mean of `mmd2` to each of them.

    The mean over the samples of sum k(x_i, y_j) counts each honest query as often as it was drawn, so one product of
    the window with the queries that were drawn at all is enough; their distances among themselves are known before.
    """

    def __init__(self, drawn: Rows, times: NDArray[np.int64], within: float, sigma: float) -> None:
        self.sigma = sigma
        self._drawn = drawn
        self._shares = times / times.sum()
        self._within = within

    @classmethod
    def draw(cls, pool: Rows, size: int, sigma: float, random: np.random.Generator) -> Self:
        """Each sample is `size` rows of the pool, without replacement; with it where the pool is smaller."""
        drawn = [random.choice(len(pool), size, replace=len(pool) < size) for _ in range(REPEATS)]
        within = sum(_within(pool[rows], sigma) for rows in drawn) / REPEATS
        kept, times = np.unique(np.concatenate(drawn), return_counts=True)
        return cls(pool[kept], times.astype(np.int64), within, sigma)

    def score(self, window: Rows) -> float:
        means = kernel(window, self._drawn, self.sigma).mean(axis=0, dtype=np.float64)
        return _within(window, self.sigma) + self._within - 2 * float(means @ self._shares)
