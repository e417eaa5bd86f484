"""The keys that blobs are sealed with: one seals, all that are held open.

A key has a number, which stands in every text that it sealed, so that keys can be exchanged while old conversations go
on. A number is never given twice: a text of a retired key is then told apart from one that was altered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

__all__ = ["HIGHEST_NUMBER", "KEY_BYTES", "BlobKey", "Keyring"]

KEY_BYTES = 64
"""AES-SIV with two keys of 256 bits (RFC 5297)."""
HIGHEST_NUMBER = 0xFFFF


@dataclass(frozen=True, slots=True)
class BlobKey:
    """One key. `made` is RFC 3339 in UTC. The secret is not shown by repr."""

    number: int
    made: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys in the order of their numbers. `seals` is the number of the one that seals; `retired` are never used again.

    Numbers and lengths are checked where a ring is read from its file.
    """

    keys: Sequence[BlobKey]
    seals: int
    retired: Sequence[int] = ()

    @property
    def highest(self) -> int:
        """The highest number that was ever given."""
        return max([*(key.number for key in self.keys), *self.retired])

    def ciphers(self) -> dict[int, AESSIV]:
        """The keys ready for use, by number."""
        return {key.number: AESSIV(key.secret) for key in self.keys}
