"""Where an account comes from: address, network, TLS fingerprint, and what it was registered with.

Only equality and rarity count, so opaque tokens do as well as the things themselves. None of it is evidence of
distillation: people share offices and payers. It links, and how much a shared thing links is a matter of its rarity.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address

from stillhouse.guard.features.tokens import Hasher, Kind, token
from stillhouse.types import Exchange

__all__ = ["NEEDS", "Origins", "hour"]

_REMEMBERED = 1 << 14
NEEDS = (
    "organisation",
    "client.ip",
    "client.ja4",
    "registration.payment",
    "registration.phone",
    "registration.email_domain",
    "registration.created",
    "registration.plan",
)


class Origins:
    """Link tokens of origins under one key. It remembers what came lately, since accounts come again and again."""

    def __init__(self, hashed: Hasher) -> None:
        self._hashed = hashed
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._tokens)

    def tokens(self, exchange: Exchange) -> tuple[int, ...]:
        """Empty where the log has nothing of it."""
        client, registration = exchange.client, exchange.registration
        parts = (
            exchange.organisation,
            client.get("ip"),
            client.get("ja4"),
            registration.get("payment"),
            registration.get("phone"),
            registration.get("email_domain"),
            registration.get("created"),
            registration.get("plan"),
        )
        try:
            return self._remembered(*parts)
        except TypeError:  # a list or an object, where none belongs
            return self._tokens(*parts)

    def _tokens(self, *parts: object) -> tuple[int, ...]:
        texts = [part if isinstance(part, str) else None for part in parts]
        return tuple([token(kind, self._hashed(value)) for kind, value in _shared(*texts)])


def _shared(
    organisation: str | None,
    address: str | None,
    ja4: str | None,
    payment: str | None,
    phone: str | None,
    domain: str | None,
    created: str | None,
    plan: str | None,
) -> Iterator[tuple[Kind, str]]:
    for kind, value in (
        (Kind.ORGANISATION, organisation),
        (Kind.ADDRESS, address),
        (Kind.NETWORK, _network(address) if address else None),
        (Kind.TLS, ja4),
        (Kind.PAYMENT, payment),
        (Kind.PHONE, phone),
        (Kind.DOMAIN, domain),
    ):
        if value:
            yield kind, value
    if created and (begun := hour(created)):
        yield Kind.REGISTERED, f"{begun} {domain} {plan}"


def _network(address: str) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; None for anything else, such as a token."""
    if address.count(".") == 3 and ":" not in address:
        return address.rpartition(".")[0]
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped
    return f"{int(parsed) >> 80:x}" if mapped is None else str(mapped).rpartition(".")[0]


def hour(created: str) -> str | None:
    """Of a time as ISO 8601 writes it; None of anything else."""
    try:
        return datetime.fromisoformat(created).strftime("%Y-%m-%dT%H")
    except ValueError:
        return None
