"""How often an e-value of honest subjects ever reached 1 / alpha, which may be no more often than alpha."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom, binomtest

__all__ = ["ALPHAS", "Exceeding", "Mean", "exceeding"]

_BY_CHANCE = 0.025
ALPHAS = (0.05, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Exceeding:
    """`low` to `high` is the exact 95 % interval (Clopper and Pearson, Biometrika 26, 1934) of the share.

    It counts subjects as independent. Those that are judged by one reference are so given that reference only.
    """

    alpha: float
    subjects: int
    exceeded: int
    share: float
    low: float
    high: float
    ranked_among: int | None = None
    """Of ranks: how many honest values of one reference they are ranks among."""

    @property
    def holds(self) -> bool:
        return self.share <= self.alpha

    @property
    def is_broken(self) -> bool:
        """Whether it exceeds alpha by more than chance: of ranks also the chance of which reference there was."""
        if self.ranked_among is None:
            return self.low > self.alpha
        # With k = alpha (n + 1) of n values above it, the k-th largest leaves a share of Beta(k, n + 1 - k) beyond it.
        k = int(self.alpha * (self.ranked_among + 1))
        return bool(betabinom.sf(self.exceeded - 1, self.subjects, k, self.ranked_among + 1 - k) < _BY_CHANCE)

    def __str__(self) -> str:
        return f"{self.share:.5f} [{self.low:.5f}, {self.high:.5f}]"

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def exceeding(
    log_es: NDArray[np.float64], alphas: Sequence[float] = ALPHAS, ranked_among: int | None = None
) -> list[Exceeding]:
    """From the largest ln e of each subject, or -ln p, one for each alpha."""
    found = []
    for alpha in alphas:
        count = int((log_es >= -np.log(alpha)).sum())
        exact = binomtest(count, len(log_es)).proportion_ci(method="exact")
        bounds = float(exact.low), float(exact.high)
        found.append(Exceeding(alpha, len(log_es), count, count / len(log_es), *bounds, ranked_among))
    return found


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of e-values and its standard error, which may not be above one."""

    mean: float
    error: float

    @classmethod
    def of(cls, log_es: NDArray[np.float64]) -> Self:
        es = np.exp(log_es)
        return cls(float(es.mean()), float(es.std() / np.sqrt(len(es))))

    @property
    def is_broken(self) -> bool:
        """Whether it exceeds one by more than chance."""
        return self.mean - 2 * self.error > 1

    def __str__(self) -> str:
        return f"{self.mean:.3f} +- {self.error:.3f}{'!' if self.is_broken else ''}"
