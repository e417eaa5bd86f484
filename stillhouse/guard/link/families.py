"""Groups of accounts by what they share: one for each shared token, without the duplicates.

One template leaves many tokens (its opening, its end, its bands of MinHash), which show nearly the same accounts. The
first of them leads, and its accounts are the group; the others follow it and make no group of their own, as long as
they show nearly the same accounts. A token that only some accounts of a popular one have leads by itself: the whole
is looked at, and the part. Nothing is ever joined, so a group holds what its token says and does not grow over its
neighbours.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from stillhouse.guard.link.group import Kind

__all__ = ["Families", "Family"]

_OVERLAP = 0.5


@dataclass(slots=True, eq=False)
class Family:
    """The accounts that showed the token `leader`, by index; `number` counts families in the order of their making."""

    number: int
    leader: int
    accounts: Collection[int]
    followers: list[int] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"g{self.number}"

    @property
    def kind(self) -> Kind:
        return "wording"

    @property
    def tokens(self) -> list[int]:
        return [self.leader, *self.followers]


class Families:
    """`of[token]` is the family that each placed token leads or follows."""

    def __init__(self) -> None:
        self.of: dict[int, Family] = {}
        self._made = 0

    def place(self, token: int, accounts: Collection[int], others: Mapping[int, int]) -> Family:
        """Say who shows a token; `others` counts how many of `accounts` (each once) show each other token.

        It follows the first leader whose accounts overlap with its own by half of their union (Jaccard). One that leads
        already goes on leading.
        """
        family = self.of.get(token)
        if family is not None and family.leader == token:
            return family
        if family is not None:
            family.followers.remove(token)
        leaders = {
            theirs.number: theirs for other in others if (theirs := self.of.get(other)) and theirs.leader == other
        }
        for number in sorted(leaders):
            theirs = leaders[number]
            both = others[theirs.leader]
            if both >= _OVERLAP * (len(accounts) + len(theirs.accounts) - both):
                theirs.followers.append(token)
                self.of[token] = theirs
                return theirs
        self.of[token] = family = Family(self._made, token, accounts)
        self._made += 1
        return family
