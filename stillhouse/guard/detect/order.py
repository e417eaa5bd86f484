"""An order of accounts that says nothing about them, and that nobody can choose a place in."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from stillhouse.guard.detect.account import Account

__all__ = ["in_keyed_order"]


def in_keyed_order(chosen: Iterable[int], accounts: Sequence[Account], key: bytes) -> list[int]:
    """Indexes of accounts by the keyed hash of their names."""
    return sorted(chosen, key=lambda at: blake2b(accounts[at].name.encode(), key=key, digest_size=8).digest())
