"""A campaign: families that were found to be no people, and who belongs to them.

An account belongs if what it shares with the campaign is rare enough among honest accounts: the log-likelihood ratio
of its rarest shared wording, and of its client program, between the campaign's accounts and the reference's. An
account that asks a great deal shares more by chance, so chance counts with its volume.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stillhouse.guard.detect.account import Account
from stillhouse.guard.features.tokens import kind_of
from stillhouse.guard.link.families import Family
from stillhouse.guard.link.rarity import Rarity

__all__ = ["Campaign", "Link", "Membership"]

_VOLUME = 10


@dataclass(frozen=True, slots=True)
class Link:
    """One shared thing and the nats that it is worth."""

    token: int
    log_lr: float


@dataclass(slots=True, eq=False)
class Campaign:
    """`members` maps indexes of accounts to the links that they belong by."""

    number: int
    families: list[Family] = field(default_factory=list)
    members: dict[int, tuple[Link, ...]] = field(default_factory=dict)
    considered: set[int] = field(default_factory=set)

    @property
    def id(self) -> str:
        return f"c{self.number:05d}"

    def tokens(self) -> set[int]:
        return {token for family in self.families for token in family.tokens}


class Membership:
    """What the campaign's own accounts share, counted once, against the reference."""

    def __init__(
        self, core: Sequence[Account], tokens: Iterable[int], shared: Mapping[int, Collection[int]], rarity: Rarity
    ) -> None:
        n = len(core)
        indexes = {account.index for account in core}
        self._rarity = rarity
        self._shares = {
            token: (len(indexes.intersection(shared[token])) + 0.5) / (n + 1)
            for token in tokens
            if kind_of(token).is_wording
        }
        self._clients = Counter(account.client for account in core)
        self._n = n

    def links(self, account: Account, tokens: Iterable[int]) -> tuple[Link, ...]:
        """The links of an account that shows `tokens`; their sum is its log-likelihood ratio. Empty without shared
        wording.
        """
        volume = math.log(max(1.0, account.exchanges / _VOLUME))
        worth = [
            Link(token, math.log(self._shares[token]) - min(0.0, self._rarity.log_share(token) + volume))
            for token in tokens
            if token in self._shares
        ]
        if not worth:
            return ()
        client = (self._clients[account.client] + 0.5) / (self._n + 1)
        known = self._rarity.log_share(account.client)
        return max(worth, key=lambda link: (link.log_lr, link.token)), Link(account.client, math.log(client) - known)
