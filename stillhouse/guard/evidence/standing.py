"""How far an account stands out from honest ones by what it asks for.

Each cue's running maximum is put on a scale within its band of volume, by its rank among the maxima of all honest
accounts that reached the band: the surprise is -ln of the share that came as far. The largest of them over cues and
bands is the account's value, which can only grow. Because a reference account is put on the same scale, itself among
the others, honest accounts and those of the reference are exchangeable, and the rank of a value among theirs is a
p-value (`evidence/placing.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.evidence.horizons import BANDS
from stillhouse.guard.features.cues import CUES
from stillhouse.stats.conformal import conformal_log_p

__all__ = ["UNTOLD", "Maxima", "Scale", "Standing"]

Maxima = Sequence[Sequence[float]]
"""Of each band that an account has reached, the maximum of each cue's score up to its end."""


class Standing(NamedTuple):
    """`value` in nats, and what it came from: the cue, and the band of volume."""

    value: float
    cue: str
    band: int


UNTOLD = Standing(0.0, "", 0)
"""Of an account that showed no cue."""


class Scale:
    """`reached[band][cue]`: maxima of reference accounts in rising order."""

    def __init__(self, reached: Sequence[Sequence[NDArray[np.float64]]]) -> None:
        self.reached = reached

    @classmethod
    def of(cls, accounts: Sequence[Maxima]) -> Self:
        return cls(
            [
                [
                    np.sort(np.array([one[band][at] for one in accounts if len(one) > band], np.float64))
                    for at in range(len(CUES))
                ]
                for band in range(BANDS)
            ]
        )

    def standing(self, maxima: Maxima, *, member: bool = False) -> Standing:
        """`member` says that the account is one of the reference's."""
        best = UNTOLD
        for band, of_cues in enumerate(maxima):
            for at, cue in enumerate(CUES):
                if of_cues[at] == 0.0:
                    continue  # it never saw its cue
                value = -conformal_log_p(of_cues[at], self.reached[band][at], member=member)
                if value > best.value:
                    best = Standing(value, str(cue.name).lower(), band)
        return best
