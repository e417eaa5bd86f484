"""How far an account stands out from honest accounts: one number, and its rank among the same number of others.

Each cue's running maximum is put on a scale within its band of volume, by its rank among the maxima of one half of
the reference; the largest of them over cues and bands is the account's *standing*, which can only grow. It is ranked
among the standings of the reference's other half. Accounts of both, and honest accounts of today, are exchangeable
given the first half, so this rank is a conformal p-value at every moment of a span, whatever the dependence within an
account (Vovk, Gammerman, Shafer 2005; the split as in Lei et al. 2018). It is never below 1 / (n + 1), and no model
extends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.evidence.horizons import BANDS
from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.features.cues import CUES
from stillhouse.stats.conformal import conformal_log_p

__all__ = ["Maxima", "Scale", "Standing", "maxima_by_band"]

Maxima = Sequence[Sequence[float]]
"""Of each band that an account has reached, the maximum of each cue's score up to its end."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`value`, and what it came from: the cue, and the band of volume."""

    value: float
    cue: str
    band: int


class Scale:
    """`reached[band][cue]`: scores of reference accounts in rising order."""

    def __init__(self, reached: Sequence[Sequence[NDArray[np.float64]]]) -> None:
        self.reached = reached

    @classmethod
    def of(cls, accounts: Sequence[Maxima]) -> "Scale":
        return cls(
            [
                [
                    np.sort(np.array([Purpose.score(one[band][at]) for one in accounts if len(one) > band], np.float64))
                    for at in range(len(CUES))
                ]
                for band in range(BANDS)
            ]
        )

    def standing(self, maxima: Maxima) -> Standing:
        """Surprise in nats within the band, and among what surprises as much, the score itself."""
        best = Standing(0.0, "", 0)
        for band, of_cues in enumerate(maxima):
            for at, cue in enumerate(CUES):
                if of_cues[at] == 0.0:
                    continue  # it never saw its cue
                score = Purpose.score(of_cues[at])
                value = score - conformal_log_p(score, self.reached[band][at])
                if value > best.value:
                    best = Standing(value, str(cue.name).lower(), band)
        return best


def maxima_by_band(closed: Maxima, best: Sequence[float]) -> Maxima:
    return [*closed, best]
