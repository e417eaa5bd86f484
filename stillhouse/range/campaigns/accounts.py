"""The accounts of a campaign: how they were registered, where they come from, what software they show."""

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.cast import Account
from stillhouse.range.identity.clients import Software, library, sampling
from stillhouse.range.identity.countries import COUNTRIES, COUNTRY_SUMS
from stillhouse.range.identity.network import Line, data_centre, home, place_at
from stillhouse.range.identity.registration import account_id, own_domain, registered
from stillhouse.range.lookalikes.crowds import popular_tool
from stillhouse.range.seeds import hex_of, pick
from stillhouse.range.world import World
from stillhouse.types import Api

__all__ = ["Member", "members_of"]

_BATCH = 25  # accounts of one payment token and one mail domain, where these are shared
_APIS: tuple[Api, ...] = ("chat.completions", "chat.completions", "messages")
_ALL_APIS: tuple[Api, ...] = (*_APIS, "responses")


class Member(NamedTuple):
    """One account, its software and its line."""

    account: Account
    software: Software
    line: Line


def members_of(world: World, settings: CampaignSettings) -> list[Member]:
    """All accounts of the campaign, those of its first pool first."""
    rng = world.draws("campaign", settings.name, "accounts")
    strategy, full = settings.strategy, f"{world.seed}/campaign/{settings.name}"
    common = _software(rng, settings, _APIS)
    lines = _homes(rng, full, strategy.accounts) if strategy.network == "residential" else []
    rented = min(strategy.machines, strategy.accounts)
    machines = [data_centre(rng, pick(rng, COUNTRIES, COUNTRY_SUMS), f"{full}/{number}") for number in range(rented)]
    members = []
    for number in range(strategy.accounts):
        own = f"{full}/{number}"
        software = _software(rng, settings, _ALL_APIS) if strategy.software == "mixed" else common
        registration = _registration(rng, world, settings, own, number)
        account = Account(account_id(own), software.api, registration, None, f"key_{hex_of('key', own)}")
        line = lines[number] if lines else machines[number % rented]
        members.append(Member(account, software, line))
    return members


def _homes(rng: Random, full: str, count: int) -> list[Line]:
    """A household's line for each account. They are sold as one address an account: no two have the same."""
    lines, taken = [], set[str]()
    for number in range(count):
        line = home(rng, pick(rng, COUNTRIES, COUNTRY_SUMS), f"{full}/{number}")
        while (ip := place_at(line, 0).ip) in taken:
            line = line._replace(name=f"{line.name}+")
        taken.add(ip)
        lines.append(line)
    return lines


def _registration(rng: Random, world: World, settings: CampaignSettings, own: str, number: int) -> Mapping[str, Any]:
    start, plan = world.begin + int(settings.day * DAY), rng.choice(("payg", "payg", "pro"))
    if settings.strategy.registration == "separate":
        created = start - int(rng.betavariate(1, 3) * settings.strategy.account_days * DAY) - 1
        return registered(rng, own, created, plan=plan)
    batch, place = divmod(number, _BATCH)
    created = start - 2 * DAY - batch * HOUR + place * 90_000
    shared = f"{world.seed}/campaign/{settings.name}/batch/{batch}"
    return registered(
        rng, own, created, domain=own_domain(shared), payment=f"tok_{hex_of('payment', shared)}", plan=plan
    )


def _software(rng: Random, settings: CampaignSettings, apis: tuple[Api, ...]) -> Software:
    """A script, or the popular program; what an objective needs and not every API has decides the API."""
    if settings.strategy.software == "popular":
        return popular_tool("1.9.0")
    needs: Mapping[str, tuple[Api, ...]] = {"logprobs": ("chat.completions",), "tool_traces": _APIS}
    api = rng.choice(needs.get(settings.objective, apis))
    asked = sampling(api, temperature=rng.choice((0.0, 0.7, 1.0)), limit=rng.choice((1024, 2048, 4096)))
    return library(rng, api)._replace(settings=asked)
