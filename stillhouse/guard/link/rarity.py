"""How rare what accounts share is among honest accounts: what sharing it is worth, in nats."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.features.tokens import Kind, kind_of

__all__ = ["COMMON_SHARE", "Rarity"]

COMMON_SHARE = 0.01
_LEAST_COMMON = 20


@dataclass(frozen=True, slots=True)
class Rarity:
    """`tokens` [n] in rising order and how many of `accounts` reference accounts showed each; all others were seen
    with one account at most."""

    tokens: NDArray[np.uint64]
    counts: NDArray[np.int64]
    accounts: int

    def count(self, token: int) -> int:
        """Reference accounts that showed it; 1 for one that is not listed."""
        at = int(np.searchsorted(self.tokens, np.uint64(token)))
        return int(self.counts[at]) if at < len(self.tokens) and int(self.tokens[at]) == token else 1

    def log_share(self, token: int) -> float:
        """ln of the share of honest accounts that show it, one more than were seen."""
        return math.log((self.count(token) + 1) / (self.accounts + 2))

    def common(self) -> frozenset[int]:
        """Tokens that a hundredth of the accounts showed: a popular tool, an opening phrase, a mail provider."""
        frequent = self.counts >= max(_LEAST_COMMON, COMMON_SHARE * self.accounts)
        return frozenset(one for one in self.tokens[frequent].tolist() if not kind_of(one).is_open)

    def largest_customer(self) -> dict[Kind, int]:
        """The most accounts of one honest customer, by each kind of token that openly says whose an account is."""
        largest: dict[Kind, int] = {}
        for token, count in zip(self.tokens.tolist(), self.counts.tolist(), strict=True):
            kind = kind_of(token)
            if kind.is_open:
                largest[kind] = max(largest.get(kind, 1), count)
        return largest
