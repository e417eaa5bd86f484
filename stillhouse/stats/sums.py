"""The cluster bootstrap of anything that is a function of sums over prompts.

Correlations within groups, reliability coefficients and their like are all made of a few sums, each a sum over
prompts. So a resample of prompts needs no data but those sums, and one routine serves them all.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stillhouse.errors import ConfigError
from stillhouse.stats.bootstrap import Interval

__all__ = ["of_sums"]

_DRAWS_AT_ONCE = 1 << 20
_DEFINED = 0.9


def of_sums(
    sums: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of `statistic(total)`, with `sums` [prompts, k] summed over prompts.

    `statistic` takes totals [..., k] and gives [...], NaN where it is undefined; such resamples are left out. Raises
    ConfigError with fewer than 2 prompts, or where it is undefined for the data or for more than a tenth of the
    resamples.
    """
    n = len(sums)
    if n < 2:
        raise ConfigError(f"an interval needs at least 2 prompts, got {n}; judge more prompts")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it lies between 0 and 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(sums.sum(axis=0)))
        draws = statistic(_totals(sums, resamples, seed))
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(defined) < _DEFINED * resamples:
        raise ConfigError(f"too few of {n} prompts differ in what is measured; judge more prompts")
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    method = f"percentile bootstrap over prompts, {resamples} resamples, level {level:g}"
    return Interval(value=value, low=float(low), high=float(high), n=n, method=method)


def _totals(sums: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """The totals [resamples, k] of as many draws of n prompts out of n, in slices so that memory stays bounded."""
    rng = np.random.default_rng(seed)
    n = len(sums)
    slices = []
    for start in range(0, resamples, step := max(1, _DRAWS_AT_ONCE // (n * sums.shape[1]))):
        drawn = rng.integers(n, size=(min(step, resamples - start), n))
        slices.append(sums[drawn].sum(axis=1))
    return np.concatenate(slices)
