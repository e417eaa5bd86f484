"""What is shared by origin: networks by hand, and nothing where the log has nothing."""

import dataclasses
from typing import Any

import pytest

from stillhouse.guard.features.origin import Origins
from stillhouse.guard.features.tokens import Kind, hasher, kind_of
from tests.guard.features.exchanges import exchange

ORIGINS = Origins(hasher(b"one key"))


def shared(client: dict[str, Any] | None = None, registration: dict[str, Any] | None = None) -> dict[Kind, int]:
    tokens = ORIGINS.tokens(exchange({}, client=client, registration=registration))
    found = {kind_of(token): token for token in tokens}
    assert len(found) == len(tokens)
    return found


def network(address: str) -> int | None:
    return shared({"ip": address}).get(Kind.NETWORK)


def test_a_log_without_origin_links_nobody() -> None:
    assert shared() == {}
    nothing = {"payment": None, "plan": "payg", "created": None}
    assert shared({"ip": None, "ja4": "", "user_agent": "curl"}, nothing) == {}
    assert shared({"ip": 17, "ja4": ["a"]}, {"phone": 49, "created": 17}) == {}


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("198.51.100.7", "198.51.100.200", True),
        ("198.51.100.7", "198.51.101.7", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("2001:db8::5", "2001:db8:0:7::1", True),  # `::` stands for the third group here
        ("2001:db8::5", "2001:db8:5::1", False),
        ("2001::1:2:3:4:5:6", "2001::1:2:3", False),  # 2001:0:1 and 2001:0:0
        ("2001:DB8:1::1", "2001:0db8:0001::2", True),
        ("::ffff:198.51.100.7", "::ffff:198.51.100.200", True),
    ],
)
def test_networks(first: str, second: str, together: bool) -> None:
    assert network(first) is not None and network(second) is not None
    assert (network(first) == network(second)) is together


@pytest.mark.parametrize(
    "opaque", ["t1:0123456789abcdef", "tok_ab", "0123:4567:89ab:cdef", "a:b:c:d:e", "unknown", "::1::"]
)
def test_an_opaque_token_is_an_address_without_a_network(opaque: str) -> None:
    found = shared({"ip": opaque})
    assert list(found) == [Kind.ADDRESS] and found == shared({"ip": opaque})
    assert found != shared({"ip": f"{opaque}0"})


def test_every_thing_is_a_kind_of_its_own() -> None:
    registration = {"payment": "same", "phone": "same", "email_domain": "same"}
    found = shared({"ip": "same", "ja4": "same"}, registration)
    assert set(found) == {Kind.ADDRESS, Kind.TLS, Kind.PAYMENT, Kind.PHONE, Kind.DOMAIN}
    assert len(set(found.values())) == 5


def test_the_hour_of_registration() -> None:
    def hour(created: str, domain: str | None = "example.org", plan: str = "payg") -> int | None:
        return shared(None, {"created": created, "email_domain": domain, "plan": plan}).get(Kind.REGISTERED)

    known = hour("2026-07-01T14:00:00Z")
    assert known is not None and known == hour("2026-07-01T14:59:59.999Z")
    assert known != hour("2026-07-01T15:00:00Z") and known != hour("2026-07-02T14:00:00Z")
    assert known != hour("2026-07-01T14:00:00Z", "example.com") and known != hour("2026-07-01T14:00:00Z", plan="pro")
    assert hour("yesterday") is None and hour("") is None


def test_another_key_gives_other_numbers() -> None:
    one = exchange({}, client={"ip": "198.51.100.7", "ja4": "t13d"})
    other = Origins(hasher(b"another key")).tokens(one)
    assert len(other) == 3 and set(ORIGINS.tokens(one)).isdisjoint(other)


def test_what_it_remembers_is_what_it_said() -> None:
    one, other = (exchange({}, client={"ip": f"198.51.100.{last}"}) for last in (7, 8))
    first = ORIGINS.tokens(one)
    assert ORIGINS.tokens(other) != first == ORIGINS.tokens(one) == Origins(hasher(b"one key")).tokens(one)


def test_an_organisation_is_one_thing_with_its_accounts() -> None:
    one = dataclasses.replace(exchange({}), organisation="org_3")
    (token,) = ORIGINS.tokens(one)
    assert kind_of(token) is Kind.ORGANISATION
    assert ORIGINS.tokens(dataclasses.replace(one, account="another")) == (token,)
