"""What a group of accounts is to whoever looks at it, however linking made it."""

from collections.abc import Collection
from typing import Literal, Protocol

__all__ = ["KINDS", "Group", "Kind"]

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
