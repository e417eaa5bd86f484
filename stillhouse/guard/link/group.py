"""What a group of accounts is to whoever looks at it, however linking made it."""

from collections.abc import Collection
from typing import Literal, Protocol

from stillhouse.guard.features.tokens import kind_of

__all__ = ["KINDS", "Group", "Kind", "is_bound_beside_wording"]

Kind = Literal["wording", "community"]
KINDS: tuple[Kind, ...] = ("wording", "community")
"""Accounts that show one token, and accounts that many tokens bind. Each is compared with honest ones of its kind."""


class Group(Protocol):
    """`accounts` are indexes. `leader` is the token that stands for the group, `tokens` are all that bind it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def leader(self) -> int: ...
    @property
    def tokens(self) -> list[int]: ...
    @property
    def accounts(self) -> Collection[int]: ...


def is_bound_beside_wording(group: Group) -> bool:
    """Whether an account may be in it that shows none of its wording: in a community, and where no wording leads."""
    return group.kind == "community" or not kind_of(group.leader).is_wording
