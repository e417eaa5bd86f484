"""How often an e-value of honest subjects ever reached 1 / alpha, which may be no more often than alpha."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

__all__ = ["ALPHAS", "Exceeding", "Mean", "exceeding"]

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

    @property
    def holds(self) -> bool:
        return self.share <= self.alpha

    @property
    def is_broken(self) -> bool:
        """Whether it exceeds alpha by more than chance."""
        return self.low > self.alpha

    def __str__(self) -> str:
        return f"{self.share:.5f} [{self.low:.5f}, {self.high:.5f}]"

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def exceeding(log_es: NDArray[np.float64], alphas: Sequence[float] = ALPHAS) -> list[Exceeding]:
    """From the largest ln e of each subject, one for each alpha."""
    found = []
    for alpha in alphas:
        count = int((log_es >= -np.log(alpha)).sum())
        exact = binomtest(count, len(log_es)).proportion_ci(method="exact")
        found.append(Exceeding(alpha, len(log_es), count, count / len(log_es), float(exact.low), float(exact.high)))
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
