"""Addresses that nobody has: 240.0.0.0/4 (RFC 1112, section 4), AS numbers from 4,200,000,000 on (RFC 6996).

A composed log must not point at a real network. What a detector can use is kept: a provider has an AS number and runs
of addresses, a household keeps its address for weeks, thousands of phones share a carrier's few, a campus has one.
"""

from random import Random
from typing import Literal, NamedTuple

from stillhouse.range.identity.countries import Country
from stillhouse.range.seeds import seed_of

__all__ = ["Line", "Place", "data_centre", "home", "mobile", "office", "place_at"]

_FIRST = 240 << 24
_BLOCKS = 8  # /16 blocks of one provider
_PROVIDERS = 9  # of one country: six for homes, three for phones
_HOMES = 6
_HOSTERS = 20
_HOSTING = 30 * _PROVIDERS * _BLOCKS  # first /16 of the hosters
_OFFICES = _HOSTING + _HOSTERS * _BLOCKS
_PHONE_ADDRESSES = 48  # of one carrier, shared by all its phones
_LEASE_DAYS = 21


class Place(NamedTuple):
    """Where a request comes from."""

    ip: str
    asn: int
    country: str


class Line(NamedTuple):
    """A connection to the network: what `place_at` needs to say the address of a day."""

    kind: Literal["home", "mobile", "fixed"]
    asn: int
    block: int
    country: str
    name: str


def home(rng: Random, country: Country, name: str) -> Line:
    """A household: an address of its own, another one every few weeks. Providers have unequal shares."""
    provider = min(int(rng.expovariate(0.7)), _HOMES - 1)
    return Line("home", *_provider(country, provider), country.code, name)


def mobile(rng: Random, country: Country, name: str) -> Line:
    """A phone: behind one of a few dozen addresses that all of the carrier's phones share, another one each session."""
    provider = _HOMES + min(int(rng.expovariate(0.7)), _PROVIDERS - _HOMES - 1)
    return Line("mobile", *_provider(country, provider), country.code, name)


def office(country: Country, name: str) -> Line:
    """A company, school or campus: one address for all."""
    number = seed_of("office", name)
    block = _OFFICES + number % (4096 - _OFFICES)
    return Line("fixed", _provider(country, number % _HOMES)[0], block, country.code, f"office/{name}")


def data_centre(rng: Random, country: Country, name: str) -> Line:
    """A rented machine: one address for as long as it is rented."""
    hoster = min(int(rng.expovariate(0.35)), _HOSTERS - 1)
    block = _HOSTING + hoster * _BLOCKS + rng.randrange(_BLOCKS)
    return Line("fixed", 4_200_000_000 + 900 + hoster, block, country.code, f"machine/{name}")


def place_at(line: Line, day: int, session: int = 0) -> Place:
    """The address of `line` on that day (counted from the start), for a phone in that session."""
    match line.kind:
        case "home":
            number = seed_of(line.name, (day + seed_of(line.name) % _LEASE_DAYS) // _LEASE_DAYS)
            host = (line.block + number % _BLOCKS << 16) + (number >> 8) % (1 << 16)
        case "mobile":
            number = seed_of(line.name, day, session)
            host = (line.block << 16) + number % _PHONE_ADDRESSES
        case "fixed":
            host = (line.block << 16) + seed_of(line.name) % (1 << 16)
    address = _FIRST + host
    return Place(f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}", line.asn, line.country)


def _provider(country: Country, number: int) -> tuple[int, int]:
    place = country.number * _PROVIDERS + number
    return 4_200_000_000 + place, place * _BLOCKS
