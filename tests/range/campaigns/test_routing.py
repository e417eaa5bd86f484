"""Which account asks next, and what: every routing by itself, on a queue of numbered units."""

from typing import Any

import pytest

from stillhouse.range.campaigns.accounts import Member, members_of
from stillhouse.range.campaigns.payloads import Payloads, Unit, payloads_of
from stillhouse.range.campaigns.routing import route_of, switch_of
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.corpus.topics import find_topics
from stillhouse.range.world import World

QUEUE = Payloads([Unit(f"unit {number}") for number in range(40)])


def settings(accounts: int = 8, samples: int = 1, **strategy: Any) -> CampaignSettings:
    given = {"name": "alpha", "samples": samples, "strategy": {"accounts": accounts, **strategy}}
    return CampaignSettings.model_validate(given)


def routed(world: World, given: CampaignSettings, sends: int, queue: Payloads = QUEUE) -> list[tuple[int, str]]:
    """(place of the account, payload) of each unit."""
    members = members_of(world, given)
    places = {member.account.id: place for place, member in enumerate(members)}
    route = route_of(world, given, queue, members, sends)
    found: list[tuple[Member, Unit]] = [route(number) for number in range(sends)]
    return [(places[member.account.id], unit.payload) for member, unit in found]


@pytest.mark.parametrize("routing", ["round_robin", "random", "one_by_one"])
def test_the_queue_is_worked_off_in_its_order(world: World, routing: str) -> None:
    found = routed(world, settings(routing=routing), 40)
    assert [payload for _, payload in found] == [f"unit {number}" for number in range(40)]
    assert found == routed(world, settings(routing=routing), 40), "it does not change with another look"


def test_in_turn_everybody_comes_once_before_anybody_twice(world: World) -> None:
    places = [place for place, _ in routed(world, settings(), 40)]
    rounds = [places[at : at + 8] for at in range(0, 40, 8)]
    assert all(sorted(one) == list(range(8)) for one in rounds)
    assert len({tuple(one) for one in rounds}) == 5, "in another order each time"


def test_one_by_one_each_has_an_even_run(world: World) -> None:
    places = [place for place, _ in routed(world, settings(4, routing="one_by_one"), 10)]
    # Unit n of 10 goes to account 4 n // 10.
    assert places == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]


def test_samples_of_a_question_follow_one_another(world: World) -> None:
    found = routed(world, settings(samples=3), 9)
    assert [payload for _, payload in found] == [f"unit {number}" for number in (0, 0, 0, 1, 1, 1, 2, 2, 2)]
    assert len({place for place, _ in found[:8]}) == 8, "on other accounts"


@pytest.mark.parametrize("routing", ["round_robin", "random", "one_by_one", "topic_shards"])
def test_the_second_pool_takes_over_at_the_switch(world: World, routing: str) -> None:
    given = settings(routing=routing, pools=2, failover_at=0.3)
    places = [place for place, _ in routed(world, given, 40)]
    assert switch_of(given, 40) == 12
    assert set(places[:12]) <= set(range(4)) and set(places[12:]) <= set(range(4, 8))
    if routing == "one_by_one":
        assert places == [number // 3 for number in range(12)] + [4 + number // 7 for number in range(28)]
    if routing == "round_robin":
        # A round of the first pool that was not over is none of the second's.
        found = [place for place, _ in routed(world, settings(pools=2, failover_at=0.25), 40)]
        assert sorted(found[8:10]) in ([0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3])
        assert all(sorted(found[at : at + 4]) == [4, 5, 6, 7] for at in range(10, 38, 4))


@pytest.mark.parametrize(
    ("share", "sends", "switch"), [(0.5, 10, 5), (0.26, 10, 3), (0.01, 10, 1), (0.99, 10, 10), (0.5, 1, 1)]
)
def test_the_switch_leaves_the_first_pool_one_unit(share: float, sends: int, switch: int) -> None:
    assert switch_of(settings(pools=2, failover_at=share), sends) == switch


def test_each_account_keeps_to_a_topic_whose_queue_its_owners_share(world: World) -> None:
    queue = payloads_of(world, "logprobs", "alpha", 320)
    texts = [unit.payload for unit in queue.base]
    topics = find_topics(texts, len(texts) // 20).members
    topic_of = {texts[place]: topic for topic, places in enumerate(topics) for place in places}
    found = routed(world, settings(24, routing="topic_shards"), 96, queue)
    owned: dict[int, set[int]] = {}
    asked: dict[int, list[str]] = {}
    for place, payload in found:
        topic = topic_of[payload.partition("\n")[0]]
        owned.setdefault(place, set()).add(topic)
        asked.setdefault(topic, []).append(payload)
    assert len(owned) == 24 and all(len(one) == 1 for one in owned.values()) and len(asked) > 4
    # Each queue in its own order, from its first on, and none twice.
    for topic, payloads in asked.items():
        shard = Payloads([queue.base[place] for place in topics[topic]])
        assert payloads == [shard.unit(number).payload for number in range(len(payloads))]
    assert len({payload for _, payload in found}) == 96
