"""How much of what an account asks is in the same words, and in how many wordings the rest is.

Counted with few counters whatever comes (space-saving: Metwally, Agrawal, El Abbadi, ICDT 2005): a new wording takes
the counter of the rarest and inherits its count as a possible error, so counts less errors are never too large.
"""

import math
from array import array
from collections.abc import Sequence

from stillhouse.guard.features.tokens import Kind, token

__all__ = ["NEEDS", "Rigidity", "wording_of"]

NEEDS = ("request",)

_COUNTERS = 4
_WORDING, _ENDING = token(Kind.WORDING, 0), token(Kind.ENDING, 0)


def wording_of(tokens: Sequence[int]) -> int:
    """The token that names a request's wording best: its opening words, else the whole; 0 of none."""
    return max([one for one in tokens if _WORDING <= one < _ENDING], default=0)


class Rigidity:
    """Counts of one account's wordings."""

    __slots__ = ("_counts", "_errors", "_wordings", "requests")

    def __init__(self) -> None:
        self._wordings = array("Q", bytes(8 * _COUNTERS))
        self._counts = array("I", bytes(4 * _COUNTERS))
        self._errors = array("I", bytes(4 * _COUNTERS))
        self.requests = 0

    def add(self, wording: int) -> None:
        """One request; `wording` is 0 where it has none."""
        self.requests += 1
        if not wording:
            return
        counts = self._counts
        if wording in self._wordings:
            counts[self._wordings.index(wording)] += 1
            return
        least = min(counts)
        at = counts.index(least)
        self._wordings[at], self._errors[at] = wording, least
        counts[at] = least + 1

    def share(self) -> float:
        """The share of requests in the commonest wording, at least."""
        return max(self._sure()) / max(self.requests, 1)

    def wordings(self) -> float:
        """The effective number of wordings, exp(entropy), at most: what no counter is sure of counts as different."""
        if not self.requests:
            return 0.0
        sure = [count for count in self._sure() if count]
        rest, n = self.requests - sum(sure), self.requests
        return math.exp(-math.fsum(count / n * math.log(count / n) for count in sure) + rest / n * math.log(n))

    def _sure(self) -> list[int]:
        return [count - error for count, error in zip(self._counts, self._errors, strict=True)]
