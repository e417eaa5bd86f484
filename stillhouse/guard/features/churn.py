"""From how many places and with how many programs one account asks.

A key that is shared, sold or run through proxies shows many; so does a company, a telephone network, a coding agent on
a build server. Distinct things are counted in one word of 64 bits each, so the state stays as it is.
"""

import math

from stillhouse.guard.features.tokens import Kind, token

__all__ = ["NEEDS", "Churn", "distinct", "noted"]

NEEDS = ("client.ip", "client.user_agent", "client.harness", "request")

_BITS = 64
_ADDRESS, _NETWORK, _TLS = (token(kind, 0) for kind in (Kind.ADDRESS, Kind.NETWORK, Kind.TLS))


def noted(seen: int, token: int) -> int:
    """The word in which one bit stands for each token that was seen, with one more."""
    return seen | 1 << ((token ^ token >> 29) % _BITS)


def distinct(seen: int) -> float:
    """About how many distinct tokens: -64 ln(share of bits that are not set), by linear counting (Whang, Vander-Zanden,
    Taylor, ACM TODS 15, 1990). Within a quarter up to a hundred, and 266 where it can tell no more."""
    return -_BITS * math.log(max(_BITS - seen.bit_count(), 1) / _BITS)


class Churn:
    """Words for addresses, networks and client programs of one account."""

    __slots__ = ("_last", "addresses", "clients", "networks")

    def __init__(self) -> None:
        self.addresses = self.networks = self.clients = 0
        self._last = 0

    def add(self, origin: tuple[int, ...], client: int) -> None:
        """Tokens of where one request comes from, and of its client program."""
        self.clients = noted(self.clients, client)
        last = hash(origin)
        if last != self._last:
            self._last = last
            for shared in origin:
                if _ADDRESS <= shared < _NETWORK:
                    self.addresses = noted(self.addresses, shared)
                elif _NETWORK <= shared < _TLS:
                    self.networks = noted(self.networks, shared)
