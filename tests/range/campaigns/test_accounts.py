"""Accounts of campaigns: addresses, registrations and software as the strategy says."""

from collections import Counter
from datetime import datetime
from typing import Any

from stillhouse.range.arrivals import DAY
from stillhouse.range.campaigns.accounts import Member, members_of
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.identity.network import place_at
from stillhouse.range.lookalikes.crowds import popular_tool
from stillhouse.range.world import World


def members(world: World, objective: str = "instructions", **strategy: Any) -> list[Member]:
    settings = {"name": "alpha", "objective": objective, "day": 2, "strategy": {"accounts": 500, **strategy}}
    return members_of(world, CampaignSettings.model_validate(settings))


def test_residential_addresses_are_distinct_and_from_everywhere(world: World) -> None:
    places = [place_at(member.line, 0) for member in members(world, network="residential")]
    assert len({place.ip for place in places}) == 500
    assert len({place.asn for place in places}) > 60 and len({place.country for place in places}) > 20


def test_a_data_centre_is_a_few_addresses(world: World) -> None:
    places = [place_at(member.line, 0) for member in members(world, network="data_centre", machines=4)]
    assert len({place.ip for place in places}) == 4
    assert max(Counter(place.ip for place in places).values()) == 125
    assert len({place_at(member.line, 0).ip for member in members(world, accounts=2, machines=6)}) == 2


def test_separate_registrations_share_nothing(world: World) -> None:
    registrations = [member.account.registration for member in members(world, account_days=30)]
    assert len({one["payment"] for one in registrations}) == 500
    begins = (world.begin + 2 * DAY) / 1000
    ages = [begins - datetime.fromisoformat(one["created"]).timestamp() for one in registrations]
    assert min(ages) >= 0 and max(ages) <= 30 * 86_400 + 1 and max(ages) > 15 * 86_400


def test_shared_registrations_are_batches(world: World) -> None:
    registrations = [member.account.registration for member in members(world, registration="shared")]
    batches = Counter((one["payment"], one["email_domain"]) for one in registrations)
    assert len(batches) == 20 and set(batches.values()) == {25}


def test_software_is_one_mixed_or_the_popular_program(world: World) -> None:
    assert len({member.software.user_agent for member in members(world)}) == 1
    mixed = members(world, software="mixed")
    assert {member.account.api for member in mixed} == {"chat.completions", "messages", "responses"}
    assert len({member.software.user_agent for member in mixed}) > 6
    assert all(member.software == popular_tool("1.9.0") for member in members(world, software="popular"))


def test_an_objective_that_needs_an_api_has_it(world: World) -> None:
    probing = members(world, "logprobs", software="mixed")
    assert {member.account.api for member in probing} == {"chat.completions"}
    agents = members(world, "tool_traces", software="mixed")
    assert {member.account.api for member in agents} == {"chat.completions", "messages"}
