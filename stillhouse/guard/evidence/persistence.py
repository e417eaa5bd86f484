"""How many accounts of an honest group are persistent, and how improbable it is that as few are as in a given one.

In a queue of work two in a hundred are (`features/exchangeability.py`); among people many are, in each kind of people
another share. So the logit of the share is modelled over honest groups as normal, the accounts of a group as
independent draws at its share. Parts of one crowd are one group between them, however many parts: each weighs as little
in the likelihood (a composite likelihood, Varin, Reid, Firth 2011). The probability of a new group's count is
predictive, with the upper confidence bound of the spread by its profile likelihood, which knows that shares are seen
through counts, and never less than `SPREAD`: a factor of 1.6 in the odds, because a reference may happen to hold few
kinds of people. Below 30 groups Student's t stands in the normal's place. A model, not a rank: what rests on it is
marked so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize, minimize_scalar
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
_CONFIDENCE = 0.95  # of both sides, so that the upper bound has 97.5 %
_LEAST_LOG_SPREAD, _MOST_LOG_SPREAD = -9.0, 3.0
_MANY_GROUPS = 30


@dataclass(frozen=True, slots=True)
class Counted:
    """`persistent` of `accounts` accounts of a group are persistent."""

    persistent: int
    accounts: int


@dataclass(frozen=True, slots=True)
class PersistenceNull:
    """logit(share of persistent accounts) of an honest group is normal around `mean` with at most `spread`; learnt from
    so many independent `groups`.
    """

    mean: float
    spread: float
    groups: int

    @classmethod
    def fit(cls, honest: Sequence[Counted], weights: Sequence[float] | None = None) -> Self | None:
        """Maximum likelihood of a logit-normal binomial over honest groups; None of fewer than `LEAST_GROUPS`.

        `weights` are one each by default, those of the parts of one crowd sum to one; together they are the groups.
        """
        weighted: dict[Counted, float] = {}
        for one, weight in zip(honest, weights or [1.0] * len(honest), strict=True):
            weighted[one] = weighted.get(one, 0.0) + weight
        groups = round(sum(weighted.values()))
        if groups < LEAST_GROUPS:
            return None
        seen = _Seen.of(weighted)
        start = np.array([seen.logit(), math.log(SPREAD)])
        found = minimize(lambda parameters: seen.loss(*parameters), start, method="Nelder-Mead")
        mean, log_spread = (float(one) for one in found.x)
        return cls(mean, max(math.exp(_upper(seen, mean, log_spread)), SPREAD), groups)

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


@dataclass(frozen=True, slots=True)
class _Seen:
    """Distinct counts of `sizes` accounts each, with their weights [n], and ln of the ways that each can come about."""

    counts: NDArray[np.float64]
    sizes: NDArray[np.float64]
    weights: NDArray[np.float64]
    choose: NDArray[np.float64]

    @classmethod
    def of(cls, weighted: Mapping[Counted, float]) -> Self:
        counts = np.array([one.persistent for one in weighted], np.float64)
        sizes = np.array([one.accounts for one in weighted], np.float64)
        choose = gammaln(sizes + 1) - gammaln(counts + 1) - gammaln(sizes - counts + 1)
        return cls(counts, sizes, np.array(list(weighted.values())), choose)

    def logit(self) -> float:
        """Of the share of all accounts."""
        share = (float(self.weights @ self.counts) + 0.5) / (float(self.weights @ self.sizes) + 1.0)
        return math.log(share / (1 - share))

    def loss(self, mean: float, log_spread: float) -> float:
        """Minus the weighted sum of log likelihoods, and of Jeffreys's prior of the mean's share: where all accounts of
        all groups are persistent, or none, nothing else would keep mean and spread from growing together.
        """
        if not _LEAST_LOG_SPREAD < log_spread < _MOST_LOG_SPREAD:
            return 1e12
        logits = mean + math.exp(log_spread) * _NODES
        terms = self.counts[:, None] * log_expit(logits) + (self.sizes - self.counts)[:, None] * log_expit(-logits)
        prior = 0.5 * float(log_expit(mean) + log_expit(-mean))
        return -prior - float(self.weights @ (logsumexp(_LOG_WEIGHTS + terms, axis=1) + self.choose))


def _upper(seen: _Seen, mean: float, log_spread: float) -> float:
    """The largest ln spread that the counts do not refute: where the likelihood, with the mean that suits it best, has
    fallen by half the quantile of chi-squared.
    """
    most = seen.loss(mean, log_spread) + float(chi2.ppf(_CONFIDENCE, 1)) / 2

    def above(tried: float) -> float:
        at = minimize_scalar(lambda middle: seen.loss(middle, tried), (mean - 0.5, mean + 0.5))
        return float(at.fun) - most

    last = _MOST_LOG_SPREAD - 1e-9
    return float(brentq(above, log_spread, last, xtol=1e-3)) if above(last) > 0 else last
