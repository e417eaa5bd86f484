"""Honest-looking traffic on a campaign's accounts: how much, when, by whom, and with whose program."""

from collections import Counter, defaultdict
from typing import Any

import pytest

from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.campaigns.accounts import Member, members_of
from stillhouse.range.campaigns.cover import bought_people, chat_pool
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.cast import Ask, Script
from stillhouse.range.world import World


def given(honest_share: float, cover: str = "chat_pool", **keys: Any) -> CampaignSettings:
    strategy = {"accounts": 20, "honest_share": honest_share, "cover": cover, **keys.pop("strategy", {})}
    settings = {"name": "alpha", "requests": 300, "day": 1, "hours": 48, **keys, "strategy": strategy}
    return CampaignSettings.model_validate(settings)


def asked(script: Script) -> list[Ask]:
    """Its requests; neither they nor the times at which it wants to be called go back."""
    events = list(script)
    times = [event if isinstance(event, int) else event.time for event in events]
    assert times == sorted(times)
    return [event for event in events if isinstance(event, Ask)]


@pytest.mark.parametrize(("share", "count"), [(0.1, 33), (0.25, 100), (0.5, 300), (0.9, 2700)])
def test_prompts_are_as_many_as_the_share_says(world: World, share: float, count: int) -> None:
    """Of 300 requests of its own: 300 s / (1 - s), rounded."""
    settings = given(share)
    assert len(asked(chat_pool(world, settings, members_of(world, settings)))) == count


def test_prompts_are_spread_evenly_over_the_campaigns_time_and_its_accounts(world: World) -> None:
    settings = given(0.5)
    members = members_of(world, settings)
    found = asked(chat_pool(world, settings, members))
    start, slot = world.begin + DAY, 48 * HOUR / 300
    assert [int((ask.time - start) // slot) for ask in found] == pytest.approx(range(300), abs=1)
    assert sum(int((ask.time - start) // slot) == number for number, ask in enumerate(found)) > 290
    counts = Counter(ask.account.id for ask in found)
    assert counts.keys() == {member.account.id for member in members} and max(counts.values()) < 35
    assert all(ask.campaign is None and ask.user is None for ask in found)


def test_prompts_come_with_the_accounts_own_program(world: World) -> None:
    settings = given(0.5, strategy={"software": "mixed"})
    members = members_of(world, settings)
    by_account = {member.account.id: member for member in members}
    first = {talk.turns[0][0] for talk in world.corpus.conversations}
    for ask in asked(chat_pool(world, settings, members)):
        software = by_account[ask.account.id].software
        assert (ask.client["user_agent"], ask.system) == (software.user_agent, software.system)
        assert ask.settings == software.settings
        (turn,) = ask.messages
        assert turn["content"] in first


def test_prompts_end_with_the_world(world: World) -> None:
    settings = given(0.5, day=6)
    found = asked(chat_pool(world, settings, members_of(world, settings)))
    assert 145 <= len(found) <= 155 and all(ask.time < world.end for ask in found)


def bought(world: World, share: float = 0.8, **keys: Any) -> tuple[list[Member], list[Ask]]:
    settings = given(share, "people", **keys)
    members = members_of(world, settings)
    return members, asked(bought_people(world, settings, members))


def test_people_are_bought_for_the_campaigns_time(world: World) -> None:
    _, found = bought(world)
    assert all(world.begin + DAY <= ask.time < world.begin + 3 * DAY for ask in found)
    # 1,200 are wanted of people who ask as they like: as many as are expected to make them were bought.
    assert len(found) == pytest.approx(1200, rel=0.25)
    assert len(bought(world, 0.5)[1]) < len(found) / 2


def test_each_person_stays_on_one_account_with_its_client(world: World) -> None:
    members, found = bought(world, strategy={"software": "mixed"})
    by_account = {member.account.id: member for member in members}
    owners = defaultdict(set)
    for ask in found:
        assert ask.user is not None and ask.campaign is None
        owners[ask.user].add(ask.account.id)
        assert ask.client["user_agent"] == by_account[ask.account.id].software.user_agent
    assert all(len(accounts) == 1 for accounts in owners.values()) and len(owners) > 20
    assert len({ask.account.id for ask in found}) > 10


def test_people_go_on_with_conversations(world: World) -> None:
    """A request that carries earlier answers has its beginning on the same account."""
    _, found = bought(world)
    begun = {(ask.account.id, ask.messages[0]["content"]) for ask in found if len(ask.messages) == 1}
    further = [ask for ask in found if len(ask.messages) > 1 and ask.time > world.begin + DAY + 12 * HOUR]
    assert len(further) > 50
    assert sum((ask.account.id, ask.messages[0]["content"]) in begun for ask in further) > 0.9 * len(further)


def test_two_campaigns_buy_other_people(world: World) -> None:
    users = [{ask.user for ask in bought(world, name=name)[1]} for name in ("alpha", "beta")]
    assert users[0].isdisjoint(users[1])
    assert [ask.time for ask in bought(world)[1]] == [ask.time for ask in bought(world)[1]]
