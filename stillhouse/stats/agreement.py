"""How well repeated measurements of the same things agree: Krippendorff's alpha for numbers.

Why alpha and not a mean standard deviation: it is free of the scale (1 is perfect, 0 is what shuffled scores would
give), takes any number of measurements with some missing, and has published values to be tested against.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stillhouse.stats.bootstrap import Interval
from stillhouse.stats.sums import of_sums

__all__ = ["krippendorff_alpha"]

Array: TypeAlias = NDArray[np.float64]
Units: TypeAlias = Sequence[Sequence[float]]


def krippendorff_alpha(groups: Sequence[Units], *, resamples: int, seed: int, level: float = 0.95) -> Interval:
    """Alpha for interval data: groups[g][u] holds the measurements of unit u (an answer) of group g (a prompt).

    1 - observed / expected disagreement, both mean squared differences of two measurements: of the same unit, and of
    any two (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011; Hayes & Krippendorff, Communication
    Methods and Measures 1, 2007). Units with one measurement do not count. Bootstrap over prompts, as of `of_sums`,
    whose errors it raises: undefined where all measurements are equal.
    """
    rows = [np.sum([_unit(unit) for unit in units], axis=0) for units in groups if any(len(unit) > 1 for unit in units)]
    return of_sums(np.asarray(rows).reshape(-1, 4), _alpha, resamples=resamples, seed=seed, level=level)


def _unit(values: Sequence[float]) -> Array:
    """Of one unit: measurements, their sum, their sum of squares, and sum over ordered pairs of squares / (m - 1)."""
    m = len(values)
    if m < 2:
        return np.zeros(4)
    x = np.asarray(values, dtype=np.float64)
    pairs = 2 * m * ((x - x.mean()) ** 2).sum()
    return np.array([m, x.sum(), (x**2).sum(), pairs / (m - 1)])


def _alpha(totals: Array) -> Array:
    n, total, squares, within = np.moveaxis(totals, -1, 0)
    observed = within / n
    spread = n * squares - total**2
    # Rounding leaves a trace where all measurements are equal.
    expected = np.where(spread > 1e-12 * n * squares, 2 * spread / (n * (n - 1)), np.nan)
    return np.asarray(1 - observed / expected)
