"""The share of false discoveries that a budget really makes, with e-values that depend on one another and grow.

Subjects come one after the other, some of them campaigns, and each is looked at several times while others come. Two
kinds of honest subjects: groups whose p-values of each look share a cause, as when a holiday makes all of them odd at
once, and gamblers whose e-values are fair games played to reach just what their level asks for. No e-value wastes less
than a gambler's, so what the procedure promises is reached by him if by anybody.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from stillhouse.guard.access.entities import Action
from stillhouse.guard.decide.budget import Budget
from stillhouse.guard.detect.settings import Budgets
from stillhouse.guard.evidence.horizons import log_share
from stillhouse.stats.evalue import log_e_of_log_p

__all__ = ["Spent", "spent"]

Honest = Literal["groups", "gamblers"]

ACTION: Action = "observe"
"""Whose level is set to each in turn."""
_LOOKS = 4
_SHARED = 0.7
_GAIN = 3.0


@dataclass(frozen=True, slots=True)
class Spent:
    """`rate` is the mean over runs of false among all discoveries, 0 where there are none, and `error` the standard
    error of it; `found` the share of campaigns that were discovered."""

    honest: Honest
    guilty: float
    level: float
    runs: int
    rate: float
    error: float
    found: float

    @property
    def holds(self) -> bool:
        """Up to three standard errors."""
        return self.rate <= self.level + 3 * self.error

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def spent(rng: np.random.Generator, honest: Honest, runs: int, subjects: int, guilty: float) -> list[Spent]:
    """One for each level that detection has by default; `guilty` is the share of campaigns."""
    found = []
    for level in sorted({level for level in Budgets().model_dump().values() if level is not None}, reverse=True):
        rates, powers = [], []
        for _ in range(runs):
            is_guilty = rng.random(subjects) < guilty
            rejected = _run(rng, Budget({ACTION: level}), is_guilty, honest)
            rates.append(float((rejected & ~is_guilty).sum()) / max(1, int(rejected.sum())))
            powers.append(float((rejected & is_guilty).sum()) / max(1, int(is_guilty.sum())))
        error = float(np.std(rates, ddof=1) / math.sqrt(runs))
        found.append(Spent(honest, guilty, level, runs, float(np.mean(rates)), error, float(np.mean(powers))))
    return found


def _run(rng: np.random.Generator, budget: Budget, is_guilty: NDArray[np.bool_], honest: Honest) -> NDArray[np.bool_]:
    n = len(is_guilty)
    log_e = np.full(n, -math.inf if honest == "groups" else 0.0)
    log_e[is_guilty] = 0.0
    rejected = np.zeros(n, np.bool_)
    cause = rng.standard_normal()
    for now in range(n + _LOOKS):
        if now < n:
            budget.open(str(now))
        draw = rng.random()
        for at in range(max(0, now - _LOOKS + 1), min(now + 1, n)):
            if rejected[at]:
                continue
            if is_guilty[at]:
                log_e[at] += rng.exponential(_GAIN)
            elif honest == "groups":
                odd = math.sqrt(_SHARED) * cause + math.sqrt(1 - _SHARED) * rng.standard_normal()
                look = log_e_of_log_p(float(log_ndtr(odd))) + log_share(now - at)
                log_e[at] = np.logaddexp(log_e[at], look)
            elif log_e[at] > -math.inf:
                log_e[at] = _gamble(log_e[at], budget.threshold(str(at), ACTION), draw, now - at)
            if budget.rejects(str(at), ACTION, float(log_e[at])):
                rejected[at] = True
                budget.took(str(at), ACTION)
                budget.discovered()
    return rejected


def _gamble(log_e: float, threshold: float, draw: float, look: int) -> float:
    """Double or nothing, and at the last look all for the threshold."""
    needed = max(threshold - log_e, 1e-9) if look == _LOOKS - 1 else math.log(2)
    return log_e + needed + 1e-12 if draw < math.exp(-needed) else -math.inf
