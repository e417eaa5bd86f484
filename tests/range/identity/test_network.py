"""Addresses: nobody's, and shared by those who share a line."""

from ipaddress import ip_address, ip_network
from random import Random

from stillhouse.range.identity.countries import COUNTRIES
from stillhouse.range.identity.network import Line, data_centre, home, mobile, office, place_at

RESERVED = ip_network("240.0.0.0/4")


def lines() -> list[Line]:
    rng = Random(1)
    made = []
    for number in range(300):
        country = COUNTRIES[number % len(COUNTRIES)]
        made += [home(rng, country, f"h{number}"), mobile(rng, country, f"m{number}")]
        made += [office(country, f"o{number}"), data_centre(rng, country, f"d{number}")]
    return made


def test_no_address_or_network_is_anybodys() -> None:
    for line in lines():
        for day in (0, 40, 365):
            place = place_at(line, day, 3)
            assert ip_address(place.ip) in RESERVED and ip_address(place.ip) != ip_address("255.255.255.255")
            assert 4_200_000_000 <= place.asn <= 4_294_967_294


def test_a_household_keeps_its_address_for_weeks_and_its_provider_for_good() -> None:
    line = home(Random(1), COUNTRIES[0], "somebody")
    places = [place_at(line, day, session) for day in range(60) for session in range(2)]
    assert 3 <= len({place.ip for place in places}) <= 4 and len({place.asn for place in places}) == 1


def test_households_have_addresses_of_their_own() -> None:
    rng = Random(1)
    ips = [place_at(home(rng, COUNTRIES[4], f"{number}"), 0).ip for number in range(2000)]
    assert len(set(ips)) > 1980


def test_phones_of_one_carrier_share_a_few_addresses() -> None:
    rng = Random(1)
    phones = [mobile(rng, COUNTRIES[4], f"{number}") for number in range(400)]
    places = {(place.asn, place.ip) for phone in phones for place in (place_at(phone, 2, 1), place_at(phone, 3, 0))}
    assert len({asn for asn, _ in places}) == 3 and len(places) <= 3 * 48
    assert place_at(phones[0], 1, 0) != place_at(phones[0], 1, 1)


def test_an_office_and_a_machine_have_one_address() -> None:
    for line in (office(COUNTRIES[2], "acme"), data_centre(Random(1), COUNTRIES[2], "acme")):
        assert len({place_at(line, day, session) for day in range(50) for session in range(3)}) == 1
    assert office(COUNTRIES[2], "acme") == office(COUNTRIES[2], "acme")


def test_kinds_of_lines_do_not_share_blocks() -> None:
    blocks: dict[str, set[str]] = {}
    for number, line in enumerate(lines()):
        kind = ("home", "mobile", "office", "machine")[number % 4]
        blocks.setdefault(kind, set()).add(".".join(place_at(line, 0).ip.split(".")[:2]))
    kinds = list(blocks)
    assert all(not blocks[a] & blocks[b] for a in kinds for b in kinds if a < b)
