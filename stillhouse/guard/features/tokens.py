"""What accounts can share, as numbers: the kind of thing in the upper byte, a keyed hash of it below.

Keyed, because a reference and a state on disk hold them: whoever reads those learns no address and no wording, and
whoever writes requests cannot aim at a number.
"""

from collections.abc import Callable
from enum import IntEnum
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hasher", "Kind", "hasher", "kind_of", "token", "tokens_of"]

_BITS = 56
_MASK = (1 << _BITS) - 1

Hasher = Callable[[str], int]
"""Text to 64 bits under a key."""


class Kind(IntEnum):
    """What is shared. The words of `label` stand in explanations."""

    SYSTEM = 1
    SYSTEM_NEAR = 2
    WORDING = 3
    OPENING = 4
    ENDING = 5
    NEAR = 6
    CLIENT = 7
    ADDRESS = 8
    NETWORK = 9
    TLS = 10
    PAYMENT = 11
    PHONE = 12
    DOMAIN = 13
    REGISTERED = 14
    ORGANISATION = 15

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def is_wording(self) -> bool:
        """Whether it is seen in what a request says, so that the split of requests applies to it."""
        return self <= Kind.NEAR

    @property
    def is_open(self) -> bool:
        """Whether sharing it says openly that accounts are one customer's."""
        return self in (Kind.PAYMENT, Kind.ORGANISATION)


_LABELS = {
    Kind.SYSTEM: "same instructions",
    Kind.SYSTEM_NEAR: "near instructions",
    Kind.WORDING: "same wording",
    Kind.OPENING: "same opening words",
    Kind.ENDING: "same closing words",
    Kind.NEAR: "near wording",
    Kind.CLIENT: "same client and settings",
    Kind.ADDRESS: "same address",
    Kind.NETWORK: "same network",
    Kind.TLS: "same TLS fingerprint",
    Kind.PAYMENT: "same means of payment",
    Kind.PHONE: "same phone",
    Kind.DOMAIN: "same mail domain",
    Kind.REGISTERED: "same hour, mail domain and plan of registration",
    Kind.ORGANISATION: "same organisation",
}


def token(kind: Kind, value: int) -> int:
    """64 bits: the kind, and the lower 56 bits of a hash."""
    return (kind << _BITS) | (value & _MASK)


def tokens_of(kind: Kind, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same of many at once."""
    return values & np.uint64(_MASK) | np.uint64(kind << _BITS)


def kind_of(shared: int) -> Kind:
    return Kind(shared >> _BITS)


def hasher(key: bytes) -> Hasher:
    """BLAKE2b of the text's UTF-8 under `key` (at most 64 bytes)."""
    # A copy of a state that has the key in it takes half the time of a new one.
    keyed = blake2b(key=key, digest_size=8)

    def hashed(text: str) -> int:
        state = keyed.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest(), "little")

    return hashed
