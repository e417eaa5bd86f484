"""Whether honest traffic is still like the reference's: all that is promised rests on it, so it is watched.

Of those that were left alone a tenth, at most, should have p-values of a tenth or less. How many may, by chance, is
known exactly: given the reference, each does with the probability U that lies below its r-th largest of n scores,
which is Beta(r, n + 1 - r), so their number is beta-binomial (Bates, Candes, Lei, Romano, Sesia, Testing for outliers
with conformal p-values, Annals of Statistics 51, 2023, section 3). More than that says that people have changed, or
that there is a campaign which was not found.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import logsumexp
from scipy.stats import betabinom

__all__ = ["Drift"]

_LEVEL = 0.1
_ALARM = math.log(1e-3)
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Drift:
    """`low` of `accounts` have p-values of `level` or less; `log_p` is ln of the probability of so many or more."""

    accounts: int
    level: float
    low: int
    log_p: float

    @classmethod
    def of(cls, log_ps: Iterable[float], reference: int) -> Self:
        """From ln p of accounts against a reference of so many. ValueError for a reference of fewer than nine, which
        has no p-value of a tenth."""
        r = math.floor(_LEVEL * (reference + 1))
        if r < 1:
            raise ValueError(f"a reference of {reference} has no p-value of {_LEVEL:g}; it takes nine")
        level = r / (reference + 1)
        found = list(log_ps)
        low = sum(log_p <= math.log(level) + _ROUNDING for log_p in found)
        as_many = np.arange(low, len(found) + 1)
        log_p = float(logsumexp(betabinom.logpmf(as_many, len(found), r, reference + 1 - r))) if low else 0.0
        return cls(len(found), level, low, min(log_p, 0.0))

    @property
    def is_alarm(self) -> bool:
        """Whether so many would be there once in a thousand logs, at most."""
        return self.log_p <= _ALARM

    def as_record(self) -> Mapping[str, Any]:
        return {
            "accounts": self.accounts,
            "level": self.level,
            "low": self.low,
            "p": math.exp(self.log_p),
            "alarm": self.is_alarm,
        }
