"""Running scores of purpose: how much likelier an account's cues are at one request in twenty than at honest rates.

For each cue a Shiryaev-Roberts recursion, R <- (1 + R) * likelihood ratio, which forgets a long honest past because
it begins anew with every request (Pollak 1985; Tartakovsky, Nikiforov, Basseville, Sequential Analysis, 2014, section
6). It is a score only: what it is worth is its rank among honest accounts, because an odd and honest account is odd
every day, and no recursion over its requests could tell.
"""

import math
from collections.abc import Sequence

from stillhouse.guard.features.cues import CUES

__all__ = ["Purpose"]

_SHARE = 0.05
_LARGEST = 1e250


class Purpose:
    """`rates` are the shares of honest requests that show each cue, in the order of CUES, above 0 and below 1.

    A cue that honest requests show as often as one in twenty or more says nothing, and its score stays 0.
    """

    def __init__(self, rates: Sequence[float]) -> None:
        if len(rates) != len(CUES) or not all(0 < rate < 1 for rate in rates):
            raise ValueError(f"rates {list(rates)}; give one above 0 and below 1 for each of {len(CUES)} cues")
        shown = [0.0 if rate >= _SHARE else _SHARE / rate for rate in rates]
        hidden = [0.0 if rate >= _SHARE else (1 - _SHARE) / (1 - rate) for rate in rates]
        self._factors = [
            tuple(shown[at] if mask & cue else hidden[at] for at, cue in enumerate(CUES))
            for mask in range(1 << len(CUES))
        ]

    @staticmethod
    def start() -> list[float]:
        return [0.0] * len(CUES)

    def update(self, running: list[float], best: list[float], cues: int) -> None:
        """Advance `running` by one request, and its maxima over requests that show the cue, `best`; in place."""
        for at, factor in enumerate(self._factors[cues]):
            value = (1.0 + running[at]) * factor
            if value > _LARGEST:
                value = _LARGEST
            running[at] = value
            # A factor above 1 is that of a cue that is shown. Without it R only drifts to where it rests.
            if factor > 1.0 and value > best[at]:
                best[at] = value

    @staticmethod
    def score(best: float) -> float:
        """ln(1 + ln(1 + R)): logarithms of evidence grow with the number of cues, whose tail is that of a power."""
        return math.log1p(math.log1p(best))
