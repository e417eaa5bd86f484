"""Intervals for what a run measures: token-weighted means, differences of them, and shares of right answers.

The tokens of one answer resemble each other, so treating tokens as independent draws would make an interval
several times too narrow. Prompts are what was drawn independently; hence every resample draws whole prompts,
each with all of its tokens (the cluster bootstrap; Davison & Hinkley, Bootstrap Methods, 1997, section 3.8).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from stillhouse.errors import ConfigError

__all__ = ["Interval", "ratio_of_sums", "wilson"]

Numbers: TypeAlias = Sequence[float] | NDArray[np.float64]
_DRAWS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and what else the data allow: the form of every metric in `evaluation.json`.

    `n` counts the independent units (prompts), not the tokens in them.
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    def as_dict(self) -> dict[str, float | int | str]:
        """`{"value", "low", "high", "n", "method"}`."""
        return asdict(self)


def ratio_of_sums(
    numerators: Numbers, denominators: Numbers, *, resamples: int, seed: int, level: float = 0.95
) -> Interval:
    """Interval for sum(numerators) / sum(denominators), one entry of each per prompt.

    With a prompt's summed KL (nats) and its number of tokens this is the mean KL per token. Percentile bootstrap
    over prompts (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): the interval covers the
    ratio in the population of prompts with probability near `level` as the number of prompts grows; with fewer
    than about 30 it is somewhat too narrow.

    Raises ConfigError with fewer than 2 prompts, ValueError where the inputs cannot be a ratio.
    """
    over, under = _pairs(numerators, denominators)
    return _interval(_ratio(over, under), _resampled(over, under, resamples, seed), len(over), level, resamples)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Score interval for a share of right answers (Wilson, JASA 22, 1927): sound at 0, at n, and for small n.

    Assumes that the n answers are independent. Raises ConfigError for n < 1, ValueError for impossible counts.
    """
    if n < 1:
        raise ConfigError(f"a share needs at least 1 answer, got {n}; give more tasks")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} answers are impossible")
    z = float(norm.ppf((1 + _level(level)) / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    # At the ends the bound is exactly 0 or 1; rounding must not put it outside.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(value=share, low=low, high=high, n=n, method=f"Wilson score interval, level {level:g}")


def _pairs(numerators: Numbers, denominators: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    over, under = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if over.shape != under.shape or over.ndim != 1:
        raise ValueError(f"numerators {over.shape} and denominators {under.shape} must be lists of one length")
    if len(over) < 2:
        raise ConfigError(f"an interval needs at least 2 prompts, got {len(over)}; hold out more prompts")
    if not (np.isfinite(over).all() and np.isfinite(under).all()):
        raise ValueError("numerators and denominators must be finite")
    if (under <= 0).any():
        raise ValueError("denominators must be positive; leave out prompts without tokens")
    return over, under


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> float:
    return float(over.sum() / under.sum())


def _resampled(over: NDArray[np.float64], under: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """The ratio in each resample [resamples], drawn in slices so that memory stays bounded."""
    rng = np.random.default_rng(seed)
    n = len(over)
    slices = []
    for start in range(0, resamples, step := max(1, _DRAWS_AT_ONCE // n)):
        drawn = rng.integers(n, size=(min(step, resamples - start), n))
        slices.append(over[drawn].sum(axis=1) / under[drawn].sum(axis=1))
    return np.concatenate(slices)


def _interval(value: float, draws: NDArray[np.float64], n: int, level: float, resamples: int) -> Interval:
    tail = (1 - _level(level)) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    method = f"percentile bootstrap over prompts, {resamples} resamples, level {level:g}"
    return Interval(value=value, low=float(low), high=float(high), n=n, method=method)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it lies between 0 and 1")
    return level
