"""How many accounts of an honest group are persistent, and how improbable it is that as few are as in a given one.

In a queue of work two in a hundred are (`features/exchangeability.py`); among people many are, in each kind of people
another share. So the logit of the share is modelled over honest groups as normal, the accounts of a group as
independent draws at its share. The probability of a new group's count is predictive, with the upper confidence bound
of the spread, and never less than `SPREAD`: a factor of 1.6 in the odds, because a reference may happen to hold few
kinds of people. The bound is missed by far now and then where there are few groups, so below 30 of them Student's t
stands in the normal's place. A model, not a rank: what rests on it is marked so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betainc, expit, gammaln, log_expit, logsumexp
from scipy.stats import chi2, norm
from scipy.stats import t as student

__all__ = ["LEAST_GROUPS", "SPREAD", "Counted", "PersistenceNull"]

LEAST_GROUPS = 10
SPREAD = 0.5
# Evenly, and close: the likelihood of a group of 500 accounts is a tenth of a logit wide, and would fall between the
# nodes of a Gauss-Hermite rule.
_NODES = np.linspace(-8.0, 8.0, 401)
_LOG_WEIGHTS = norm.logpdf(_NODES) - logsumexp(norm.logpdf(_NODES))
_GRID = np.arange(-60.0, 60.0, 0.02)
_CONFIDENCE = 0.975
_MANY_GROUPS = 30


@dataclass(frozen=True, slots=True)
class Counted:
    """`persistent` of `accounts` accounts of a group are persistent."""

    persistent: int
    accounts: int


@dataclass(frozen=True, slots=True)
class PersistenceNull:
    """logit(share of persistent accounts) of an honest group is normal around `mean` with at most `spread`."""

    mean: float
    spread: float
    groups: int

    @classmethod
    def fit(cls, honest: Sequence[Counted]) -> Self | None:
        """Maximum likelihood of a logit-normal binomial over honest groups; None of fewer than `LEAST_GROUPS`."""
        if len(honest) < LEAST_GROUPS:
            return None
        counts = np.array([one.persistent for one in honest], np.float64)
        sizes = np.array([one.accounts for one in honest], np.float64)
        share = (counts.sum() + 0.5) / (sizes.sum() + 1.0)
        start = np.array([np.log(share / (1 - share)), np.log(SPREAD)])
        found = minimize(_loss, start, args=(counts, sizes), method="Nelder-Mead")
        degrees = len(honest) - 1
        bound = float(np.exp(found.x[1])) * np.sqrt(degrees / chi2.ppf(1 - _CONFIDENCE, degrees))
        return cls(float(found.x[0]), max(float(bound), SPREAD), len(honest))

    def log_p(self, seen: Counted) -> float:
        """ln of the predictive probability that of as many accounts of an honest group as few are persistent."""
        width = self.spread * np.sqrt(1 + 1 / self.groups)
        shares = expit(self.mean + width * _GRID)
        k, n = seen.persistent, seen.accounts
        # P(Binomial(n, share) <= k) = I_{1 - share}(n - k, k + 1).
        below = np.ones_like(shares) if k >= n else betainc(n - k, k + 1, 1 - shares)
        with np.errstate(divide="ignore"):
            terms = _log_density(self.groups) + np.log(below)
        return min(0.0, float(logsumexp(terms)) + float(np.log(_GRID[1] - _GRID[0])))


@lru_cache
def _log_density(groups: int) -> NDArray[np.float64]:
    """ln density of an honest group's distance from the mean, in spreads, on the grid."""
    return np.asarray(norm.logpdf(_GRID) if groups >= _MANY_GROUPS else student.logpdf(_GRID, groups - 1))


def _loss(parameters: NDArray[np.float64], counts: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    mean, log_spread = parameters
    if not -9 < log_spread < 3:
        return 1e12
    logits = mean + np.exp(log_spread) * _NODES
    choose = gammaln(sizes + 1) - gammaln(counts + 1) - gammaln(sizes - counts + 1)
    terms = counts[:, None] * log_expit(logits) + (sizes - counts)[:, None] * log_expit(-logits)
    return -float((logsumexp(_LOG_WEIGHTS + terms, axis=1) + choose).sum())
