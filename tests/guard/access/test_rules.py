"""Places that may and may not: each rule by hand, denial first, the unknown refused, nothing kept of what is gone."""

import gc

import pytest

from stillhouse.guard.access.entities import Key, Organisation
from stillhouse.guard.access.rules import Rules
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import AccessSettings

# Rules about countries need a way to know them.
ABOUT = {"contact": "https://example.com/appeal", "country_header": "x-country", "trusted_proxies": ("10.0.0.0/8",)}
HERE, THERE, SIX = "192.0.2.5", "203.0.113.5", "2001:db8:1:2::77"


def organisation(**lists: tuple[str, ...]) -> Organisation:
    return Organisation.model_validate({"id": "acme", **lists})


def key(*ip_allow: str) -> Key:
    return Key(id="key_1", account="acct_1", digest=bytes(32), created=0.0, ip_allow=ip_allow)


def rule_of(rules: Rules, owner: Organisation, holder: Key, address: str, country: str | None) -> str | None:
    try:
        rules.check(owner, holder, address, country)
    except Refusal as refusal:
        assert refusal.status == 403
        return refusal.rule
    return None


@pytest.mark.parametrize(
    ("lists", "address", "country", "rule"),
    [
        ({}, HERE, None, None),
        ({"ip_allow": ("192.0.2.0/24",)}, HERE, None, None),
        ({"ip_allow": ("192.0.2.0/24",)}, THERE, None, "ip.not_allowed"),
        ({"ip_allow": ("192.0.2.0/24",)}, "", None, "ip.not_allowed"),
        ({"ip_deny": ("192.0.2.0/24",)}, HERE, None, "ip.denied"),
        ({"ip_allow": ("192.0.2.0/24",), "ip_deny": (HERE,)}, HERE, None, "ip.denied"),
        ({"ip_deny": ("2001:db8:1:2::1",)}, SIX, None, "ip.denied"),
        ({"ip_deny": ("2001:db8:1:3::1",)}, SIX, None, None),
        ({"countries_allow": ("DE", "fr")}, HERE, "FR", None),
        ({"countries_allow": ("DE",)}, HERE, "FR", "country.not_allowed"),
        ({"countries_allow": ("DE",)}, HERE, None, "country.not_allowed"),
        ({"countries_deny": ("KP",)}, HERE, "KP", "country.denied"),
        ({"countries_deny": ("KP",)}, HERE, None, None),
        ({"countries_allow": ("KP",), "countries_deny": ("KP",)}, HERE, "KP", "country.denied"),
        ({"ip_deny": (HERE,), "countries_deny": ("KP",)}, HERE, "KP", "ip.denied"),
    ],
)
def test_each_rule_for_the_gateway_and_for_an_organisation(
    lists: dict[str, tuple[str, ...]], address: str, country: str | None, rule: str | None
) -> None:
    assert rule_of(Rules(AccessSettings()), organisation(**lists), key(), address, country) == rule
    gateway = Rules(AccessSettings.model_validate({**lists, **ABOUT}))
    if rule is None:
        gateway.check_gateway(address, country)
        return
    with pytest.raises(Refusal) as caught:
        gateway.check_gateway(address, country)
    assert (caught.value.kind, caught.value.rule) == ("permission", rule)
    assert caught.value.link == "https://example.com/appeal"


def test_a_key_narrows_its_organisation_and_does_not_widen_it() -> None:
    rules, owner = Rules(AccessSettings()), organisation(ip_allow=("192.0.2.0/24",))
    assert rule_of(rules, owner, key("192.0.2.5"), HERE, None) is None
    assert rule_of(rules, owner, key("192.0.2.6"), HERE, None) == "ip.not_allowed"
    assert rule_of(rules, owner, key(THERE), THERE, None) == "ip.not_allowed"


def test_a_changed_owner_has_its_new_rules_and_the_old_one_is_forgotten() -> None:
    rules, holder = Rules(AccessSettings()), key()
    for number in range(200):
        owner = organisation(ip_deny=(f"192.0.2.{number}",))
        assert rule_of(rules, owner, holder, f"192.0.2.{number}", None) == "ip.denied"
        assert rule_of(rules, owner, holder, f"192.0.2.{number + 1}", None) is None
        del owner
        gc.collect(0)
    assert len(rules._known) <= 2
