"""From where an organisation, a key, or anyone at all may ask.

Rules are written as lists of texts and asked at every request, so each list is made ready once, when its owner is first
seen: an owner never changes, he is replaced by another value. What was made ready goes when its owner does.
"""

import weakref
from typing import NamedTuple

from stillhouse.guard.access.address import Ranges
from stillhouse.guard.access.entities import Key, Organisation
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import AccessSettings

__all__ = ["Rules"]


class _Place(NamedTuple):
    """Lists made ready; None is no rule."""

    ip_allow: Ranges | None
    ip_deny: Ranges | None
    countries_allow: frozenset[str] | None
    countries_deny: frozenset[str] | None


class Rules:
    """Checks places: of the gateway's own rules, and of those of an organisation and a key. One for each config."""

    def __init__(self, access: AccessSettings) -> None:
        self._gateway = _ready(access, "access")
        self._contact = access.contact
        # By identity, not by value: comparing two owners costs more than the whole check.
        self._known: dict[int, tuple[weakref.ref[Organisation | Key], _Place | None]] = {}

    def check_gateway(self, address: str, country: str | None) -> None:
        """The rules that hold for everyone, before any key is looked at. Raises Refusal(permission)."""
        if self._gateway is not None:
            self._check(self._gateway, address, country)

    def check(self, organisation: Organisation, key: Key, address: str, country: str | None) -> None:
        """The rules of a key and of the organisation behind it. Raises Refusal(permission).

        Of each, denial wins; an address or a country that is not known is in no list, so a list of permission that is
        not empty refuses it.
        """
        for owner in (organisation, key):
            known = self._known.get(id(owner))
            place = known[1] if known is not None and known[0]() is owner else self._learn(owner)
            if place is not None:
                self._check(place, address, country)

    def _learn(self, owner: Organisation | Key) -> _Place | None:
        number = id(owner)
        place = _ready(owner, owner.id)

        def forget(gone: "weakref.ref[Organisation | Key]") -> None:
            known = self._known.get(number)
            if known is not None and known[0] is gone:
                del self._known[number]

        self._known[number] = (weakref.ref(owner, forget), place)
        return place

    def _check(self, place: _Place, address: str, country: str | None) -> None:
        ip_allow, ip_deny, countries_allow, countries_deny = place
        if ip_deny is not None and address in ip_deny:
            raise self._refusal("ip.denied", f"Requests from {address} are not served.")
        if ip_allow is not None and address not in ip_allow:
            raise self._refusal("ip.not_allowed", f"Requests are served from other addresses than {address} only.")
        if countries_deny is not None and country in countries_deny:
            raise self._refusal("country.denied", f"Requests from the country {country} are not served.")
        if countries_allow is not None and country not in countries_allow:
            where = "an unknown country" if country is None else f"the country {country}"
            raise self._refusal("country.not_allowed", f"Requests from {where} are not served.")

    def _refusal(self, rule: str, message: str) -> Refusal:
        return Refusal("permission", rule, message, link=self._contact)


def _ready(owner: AccessSettings | Organisation | Key, place: str) -> _Place | None:
    """None where there is no rule at all, which is the common case."""
    allow = owner.ip_allow
    everyone = None if isinstance(owner, Key) else owner
    deny = everyone.ip_deny if everyone else ()
    countries_allow = everyone.countries_allow if everyone else ()
    countries_deny = everyone.countries_deny if everyone else ()
    if not (allow or deny or countries_allow or countries_deny):
        return None
    return _Place(
        Ranges(allow, f"{place}: ip_allow") if allow else None,
        Ranges(deny, f"{place}: ip_deny") if deny else None,
        _codes(countries_allow),
        _codes(countries_deny),
    )


def _codes(countries: tuple[str, ...]) -> frozenset[str] | None:
    return frozenset(country.upper() for country in countries) if countries else None
