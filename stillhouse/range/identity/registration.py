"""What was given at registration. Tokens are opaque; domains lie under `.example`, which nobody owns (RFC 2606)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from stillhouse.range.seeds import cumulative, hex_of, pick

__all__ = ["account_id", "instant", "own_domain", "registered"]

_MAIL = ("letterbox.example", "fastmailer.example", "postbin.example", "skymail.example", "inboxly.example")
_MAIL_SUMS = cumulative((52, 22, 13, 8, 5))


def instant(milliseconds: int) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account_id(*parts: str | int) -> str:
    """An id that says nothing about who it is."""
    return f"acct_{hex_of('account', *parts)}"


def own_domain(name: str) -> str:
    """The mail domain of one organisation or household."""
    return f"{hex_of('domain', name, size=4)}.example"


def registered(
    rng: Random,
    name: str,
    created: int,
    *,
    domain: str | None = None,
    payment: str | None = None,
    plan: str | None = None,
) -> Mapping[str, Any]:
    """The `registration` of one person.

    What is not given is drawn: a big mail provider, mostly a free plan, mostly no phone.
    """
    plan = plan or rng.choices(("free", "payg", "pro", "team"), (48, 24, 22, 6))[0]
    if domain is None:
        domain = pick(rng, _MAIL, _MAIL_SUMS) if rng.random() < 0.84 else own_domain(name)
    if payment is None and plan != "free":
        payment = f"tok_{hex_of('payment', name)}"
    phone = f"tel_{hex_of('phone', name)}" if rng.random() < 0.35 else None
    return {"created": instant(created), "payment": payment, "email_domain": domain, "plan": plan, "phone": phone}
