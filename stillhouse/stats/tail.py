"""The tail of a distribution beyond its largest samples: a model, and an upper confidence bound of what it says.

Excesses over a high threshold are nearly generalised Pareto whatever the distribution is (Pickands, Annals of
Statistics 3, 1975; Balkema and de Haan 1974): P(X - u > y) = P(X > u) (1 + shape y / scale)^(-1 / shape). The bound is
that of the profile likelihood (Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, sections 2.6.6
and 4.3.3): the largest tail probability among all shapes and scales that the excesses do not refute. Intervals from
the curvature at the estimate are too short for tails; this one is not symmetric, and widens with the distance.

The shape is not below zero, because a finite end point would make everything beyond it impossible: no finite sample
shows that. A model, not a rank. What it cannot see is a rare kind of which the sample happens to hold nobody.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw
from scipy.stats import chi2

__all__ = ["CONFIDENCE", "LEAST_EXCESSES", "Tail"]

CONFIDENCE = 0.975
"""One-sided and nominal. Simulated, the bound covers 0.95 to 0.98 where the tail is a Pareto's, more where it is
lighter; as a p-value it is too small far less often than it may be, because it is above the truth nearly always."""
LEAST_EXCESSES = 50
_SHARE = 0.1
_LARGEST_SHAPE = 2.0
# Shape over scale, in units of one over the mean excess: 0 is the exponential tail.
_RATIOS = np.concatenate([[0.0], np.geomspace(1e-4, 1e3, 400)])


@dataclass(frozen=True, slots=True)
class Tail:
    """Tails above `threshold` that the sample does not refute: for each of `ratios` (shape over scale) the largest of
    `scales`. `log_above` is ln of the probability of coming above the threshold, by rank; `floor` is ln of the least
    probability that is ever told.
    """

    threshold: float
    log_above: float
    floor: float
    ratios: NDArray[np.float64]
    scales: NDArray[np.float64]

    @classmethod
    def fit(cls, sample: NDArray[np.floating[Any]]) -> Self | None:
        """From `sample` [n] in rising order, its upper tenth; None where fewer than `LEAST_EXCESSES` come above.

        The floor is 1 / n^2: a model of n values is not asked about what happens once in more than n such samples.
        """
        n = len(sample)
        if n * _SHARE < LEAST_EXCESSES:
            return None
        threshold = float(sample[n - int(n * _SHARE) - 1])
        excesses = np.asarray(sample[sample > threshold], np.float64) - threshold
        k = len(excesses)
        if k < LEAST_EXCESSES:
            return None
        ratios = _RATIOS / excesses.mean()
        logs = np.log1p(ratios[:, None] * excesses).sum(axis=1)
        # With shape = ratio * scale the likelihood is -k ln(scale) - mass / scale - logs, where mass = logs / ratio.
        mass = np.divide(logs, ratios, out=np.full_like(logs, excesses.sum()), where=ratios > 0)
        best = -k * np.log(mass / k) - k - logs
        # For each ratio the largest scale that is not refuted: with t = mass / (k scale), ln t - t = -1 - room / k.
        room = best - best.max() + chi2.ppf(2 * CONFIDENCE - 1, 1) / 2
        kept = room >= 0
        t = -lambertw(-np.exp(-1 - room[kept] / k)).real
        scales = np.minimum(mass[kept] / (k * np.maximum(t, 1e-12)), _LARGEST_SHAPE / np.maximum(ratios[kept], 1e-300))
        return cls(threshold, math.log1p(k) - math.log1p(n), -2 * math.log(n), ratios[kept], scales)

    def log_p(self, value: float) -> float:
        """ln of the upper bound of P(X >= value), for a value that is not below the threshold."""
        excess = value - self.threshold
        if not excess >= 0:
            raise ValueError(f"{value} is not above the threshold {self.threshold}: rank it")
        logs = np.divide(
            np.log1p(self.ratios * excess), self.ratios, out=np.full_like(self.ratios, excess), where=self.ratios > 0
        )
        return max(self.log_above - float((logs / self.scales).min()), self.floor)
