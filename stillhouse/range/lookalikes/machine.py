"""What all automated customers have in common: an organisation's accounts and a script on a rented machine."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from stillhouse.range.arrivals import DAY
from stillhouse.range.cast import Account, Label
from stillhouse.range.identity.clients import Software, client_of, library
from stillhouse.range.identity.countries import COUNTRIES, COUNTRY_SUMS, Country
from stillhouse.range.identity.network import Line, data_centre, place_at
from stillhouse.range.identity.registration import account_id, own_domain, registered
from stillhouse.range.seeds import hex_of, pick
from stillhouse.range.world import World
from stillhouse.types import Api

__all__ = ["Organisation", "labelled", "machine_client", "organisation"]


class Organisation(NamedTuple):
    """A customer that is no person. All of its accounts share domain, payment and software."""

    name: str
    country: Country
    accounts: tuple[Account, ...]
    software: Software
    line: Line


def organisation(
    world: World,
    *name: str | int,
    accounts: int = 1,
    api: Api = "chat.completions",
    plan: str = "team",
    system: str = "",
) -> Organisation:
    """The organisation of that name with so many accounts, each registered a minute after the one before it."""
    full = "/".join(map(str, (world.seed, *name)))
    rng = world.draws(*name, "organisation")
    country = pick(rng, COUNTRIES, COUNTRY_SUMS)
    software = library(rng, api)._replace(system=system)
    created = world.begin - int(rng.betavariate(1.1, 1.6) * 700 * DAY) - DAY
    identity, payment, made = f"org_{hex_of('organisation', full)}", f"tok_{hex_of('payment', full)}", []
    for number in range(accounts):
        own = f"{full}/account/{number}"
        registration = registered(
            rng, own, created + number * 60_000, domain=own_domain(full), payment=payment, plan=plan
        )
        made.append(Account(account_id(own), api, registration, identity, f"key_{hex_of('key', own)}"))
    return Organisation(full, country, tuple(made), software, data_centre(rng, country, full))


def labelled(accounts: Sequence[Account], kind: str, group: str) -> tuple[Label, ...]:
    """Honest accounts of one group."""
    return tuple(Label(account.id, "honest", kind, None, group) for account in accounts)


def machine_client(who: Organisation) -> dict[str, Any]:
    """The `client` of everything that the organisation's machine sends."""
    return client_of(who.software, place_at(who.line, 0))
