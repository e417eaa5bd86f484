"""Where a value lies among honest accounts' values, and what that is worth: a rank, and beyond the first a model.

Honest accounts of a span and those of the reference, which is as long, are exchangeable as long as people come, go and
ask as they did then. So the rank is a conformal p-value at every moment of a span, whatever the dependence within an
account (Vovk, Gammerman, Shafer 2005). What no honest account reached has
1 / (n + 1) by rank. How much further it goes is told by a model of the tail (`stats/tail.py`), with the upper bound of
what it allows and never less than 1 / n^2, and is marked so. The e-value of the first rank has a share of
1 - `MODELLED` as it is; the rest is betted on the model.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stillhouse.stats.conformal import conformal_log_p, least_log_p
from stillhouse.stats.evalue import log_e_between, log_e_of_rank, log_sum_e
from stillhouse.stats.tail import Tail

__all__ = ["MODELLED", "Placed", "Places"]

MODELLED = 0.1


@dataclass(frozen=True, slots=True)
class Placed:
    """`rank` among `honest` values, 1 for the first; `log_p` is modelled where that says less than the rank does."""

    rank: int
    honest: int
    log_p: float
    modelled: bool
    log_e: float


@dataclass(frozen=True, slots=True)
class Places:
    """`values` of honest accounts in rising order; `tail` is None where they are too few for one."""

    values: NDArray[np.float64]
    tail: Tail | None

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Self:
        ordered = np.sort(values)
        return cls(ordered, Tail.fit(ordered))

    def place(self, value: float) -> Placed:
        """ValueError for what is no number."""
        n = len(self.values)
        by_rank = conformal_log_p(value, self.values)
        rank = round(math.exp(by_rank) * (n + 1))
        log_e = log_e_of_rank(rank, n)
        if rank > 1 or self.tail is None:
            return Placed(rank, n, by_rank, False, log_e)
        log_p = min(by_rank, self.tail.log_p(value))
        # Given the first rank, which has probability 1 / (n + 1), the model's p-value is that many times as large.
        beyond = log_e_between(log_p - by_rank, least_log_p(n))
        bet = log_sum_e([math.log1p(-MODELLED), math.log(MODELLED) + beyond])
        return Placed(rank, n, log_p, log_p < by_rank, log_e + bet)
