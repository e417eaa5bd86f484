"""How much of what an account asks is in the same words, and in how many wordings the rest is.

Counted with few counters whatever comes (space-saving: Metwally, Agrawal, El Abbadi, ICDT 2005): a new wording takes
the counter of the rarest and inherits its count as a possible error, so counts less errors are never too large.
"""

import math
from collections.abc import Sequence

from stillhouse.guard.features.tokens import Kind, token

__all__ = ["NEEDS", "Rigidity", "wording_of"]

NEEDS = ("request",)

_COUNTERS = 8
_WORDING, _ENDING = token(Kind.WORDING, 0), token(Kind.ENDING, 0)


def wording_of(tokens: Sequence[int]) -> int:
    """The token that names a request's wording best: its opening words, else the whole; 0 of none."""
    return max([one for one in tokens if _WORDING <= one < _ENDING], default=0)


class Rigidity:
    """Counts of one account's wordings."""

    __slots__ = ("_counts", "_errors", "requests")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._errors: dict[int, int] = {}
        self.requests = 0

    def add(self, wording: int) -> None:
        """One request; `wording` is 0 where it has none."""
        self.requests += 1
        counts = self._counts
        if wording in counts:
            counts[wording] += 1
        elif wording:
            least = 0
            if len(counts) >= _COUNTERS:
                rarest = min(counts, key=counts.__getitem__)
                least = counts.pop(rarest)
                del self._errors[rarest]
            counts[wording] = least + 1
            self._errors[wording] = least

    def share(self) -> float:
        """The share of requests in the commonest wording, at least."""
        return max(self._sure(), default=0) / max(self.requests, 1)

    def wordings(self) -> float:
        """The effective number of wordings, exp(entropy), at most: what no counter is sure of counts as different."""
        if not self.requests:
            return 0.0
        sure = [count for count in self._sure() if count]
        rest = self.requests - sum(sure)
        n = self.requests
        entropy = -math.fsum(count / n * math.log(count / n) for count in sure) + rest / n * math.log(n)
        return math.exp(entropy)

    def _sure(self) -> list[int]:
        return [count - self._errors[wording] for wording, count in self._counts.items()]
