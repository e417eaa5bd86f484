"""A campaign as a whole: each choice of its operator shows in the requests, and nothing reacts to an answer."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any, get_args

import pytest

from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.campaigns.campaign import campaign_actor
from stillhouse.range.campaigns.catalogue import strategies
from stillhouse.range.campaigns.settings import CampaignSettings, Objective
from stillhouse.range.cast import Actor, Ask
from stillhouse.range.people.persistence import persistence
from stillhouse.range.usage import PrefixCache
from stillhouse.range.world import World
from tests.range.small import asks_of


def campaign(world: World, objective: str = "instructions", **keys: Any) -> Actor:
    strategy = {"accounts": 100, **keys.pop("strategy", {})}
    settings = {"name": "alpha", "objective": objective, "requests": 800, "day": 1, "hours": 48, **keys}
    return campaign_actor(world, CampaignSettings.model_validate({**settings, "strategy": strategy}))


def asked(world: World, objective: str = "instructions", **keys: Any) -> list[Ask]:
    asks = asks_of([campaign(world, objective, **keys)])
    assert [ask.time for ask in asks] == sorted(ask.time for ask in asks)
    return asks


def words(ask: Ask) -> str:
    return str(ask.messages[0]["content"])


@pytest.mark.parametrize("objective", ["instructions", "reasoning", "grading", "analyst", "logprobs"])
def test_a_queue_sends_no_payload_twice(world: World, objective: str) -> None:
    asks = asked(world, objective)
    assert len(asks) == 800 == len({words(ask) for ask in asks})
    assert {ask.campaign for ask in asks} == {"alpha"} and {ask.user for ask in asks} == {None}
    assert all(world.begin + DAY <= ask.time < world.begin + 3 * DAY for ask in asks)


def test_samples_ask_each_question_so_often(world: World) -> None:
    counts = Counter(words(ask) for ask in asked(world, samples=4))
    assert set(counts.values()) == {4} and len(counts) == 200


def test_in_turn_every_account_has_the_same_number(world: World) -> None:
    counts = Counter(ask.account.id for ask in asked(world, requests=400))
    assert set(counts.values()) == {4} and len(counts) == 100


def test_at_random_accounts_have_about_the_same_number(world: World) -> None:
    counts = Counter(ask.account.id for ask in asked(world, strategy={"routing": "random"}))
    assert len(counts) == 100 and min(counts.values()) < 5 and 12 < max(counts.values()) < 22


def test_one_by_one_accounts_are_used_up(world: World) -> None:
    asks = asked(world, strategy={"routing": "one_by_one", "accounts": 10})
    owners = [ask.account.id for ask in asks]
    changes = sum(one != two for one, two in pairwise(owners))
    assert changes == 9 and set(Counter(owners).values()) == {80}


def test_one_loud_account(world: World) -> None:
    assert len({ask.account.id for ask in asked(world, strategy={"accounts": 1})}) == 1


def test_two_pools_never_ask_at_the_same_time(world: World) -> None:
    actor = campaign(world, strategy={"pools": 2, "failover_at": 0.3, "failover_minutes": 10})
    pools = {label.account: label.group for label in actor.labels}
    assert Counter(pools.values()) == {"alpha/pool_1": 50, "alpha/pool_2": 50}
    asks = asks_of([actor])
    first = [ask.time for ask in asks if pools[ask.account.id] == "alpha/pool_1"]
    second = [ask.time for ask in asks if pools[ask.account.id] == "alpha/pool_2"]
    assert len(first) == 240 and 0 < min(second) - max(first) < 20 * 60_000


@pytest.mark.parametrize("honest", [0.1, 0.5, 0.9])
def test_a_diluted_campaign_has_the_share_that_was_asked_for(world: World, honest: float) -> None:
    asks = asked(world, strategy={"honest_share": honest})
    own = sum(ask.campaign == "alpha" for ask in asks)
    assert own == 800 and 1 - own / len(asks) == pytest.approx(honest, abs=0.005)
    said = {talk.turns[0][0] for talk in world.corpus.conversations}
    assert all((words(ask) in said) == (ask.campaign is None) for ask in asks)


def test_bought_people_come_in_whole_sessions_and_stay_on_an_account(world: World) -> None:
    asks = asked(world, requests=1500, strategy={"honest_share": 0.7, "cover": "people", "accounts": 60})
    bought = [ask for ask in asks if ask.campaign is None]
    assert len(bought) / len(asks) == pytest.approx(0.7, abs=0.1)
    owners = defaultdict(set)
    for ask in bought:
        assert ask.user is not None
        owners[ask.user].add(ask.account.id)
    assert all(len(used) == 1 for used in owners.values()) and len(owners) > 50
    assert any(len(ask.messages) >= 3 for ask in bought)
    assert all(ask.user is None for ask in asks if ask.campaign)


def test_follow_ups_are_conversations_on_one_account(world: World) -> None:
    asks = asked(world, requests=900, strategy={"follow_ups": 2.0})
    talks = defaultdict(list)
    for ask in asks:
        talks[words(ask)].append(ask)
    assert 0.85 < len(asks) / 900 < 1.15 and len(talks) == 300
    for talk in talks.values():
        assert [len(ask.messages) for ask in talk] == [1 + 2 * turn for turn in range(len(talk))]
        assert len({ask.account.id for ask in talk}) == 1
    assert 0.75 < sum(len(talk) > 1 for talk in talks.values()) / 300 < 0.95  # 1 - 1/e^2 is .86


def test_probes_have_no_further_turns_and_are_as_many_as_was_asked_for(world: World) -> None:
    asks = asked(world, "logprobs", requests=900, strategy={"follow_ups": 2.0})
    assert len(asks) == 900 and all(len(ask.messages) == 1 for ask in asks)


def test_topic_shards_give_each_account_a_topic_of_its_own(world: World) -> None:
    # The corpus was made of eight topics in turn.
    made = {" ".join(talk.turns[0][0].split()[:12]): n % 8 for n, talk in enumerate(world.corpus.conversations)}
    largest, difference = {}, {}
    for routing in ("topic_shards", "round_robin"):
        texts = defaultdict(list)
        for ask in asked(world, "logprobs", requests=600, strategy={"accounts": 40, "routing": routing}):
            texts[ask.account.id].append(words(ask))
        topics = [
            Counter(made[text.partition("\n")[0]] for text in said).most_common(1)[0][1] for said in texts.values()
        ]
        largest[routing] = sum(topics) / 600
        difference[routing] = persistence(texts).difference
    assert largest["topic_shards"] > 0.7 and largest["round_robin"] < 0.4
    assert difference["topic_shards"] > 0.05 and abs(difference["round_robin"]) < 0.02


def test_a_balanced_queue_makes_accounts_exchangeable(world: World) -> None:
    for routing in ("round_robin", "random"):
        texts = defaultdict(list)
        for ask in asked(world, "analyst", requests=2000, strategy={"routing": routing, "wording": "randomised"}):
            texts[ask.account.id].append(words(ask))
        assert abs(persistence(texts).difference) < 0.01


def test_exploration_tries_techniques_before_the_winner_is_used(world: World) -> None:
    asks = asked(world, "reasoning", strategy={"exploration": 0.1})
    first = [words(ask) for ask in asks[:80]]
    rest = [words(ask).partition("\n\n")[0] for ask in asks[80:]]
    assert len({text.replace("\n\n", " ")[:60] for text in first}) > 25 and len(set(rest)) == 1


def test_tool_traces_are_sessions_with_tools(world: World) -> None:
    asks = asked(world, "tool_traces", requests=600)
    assert all(ask.settings["tools"] for ask in asks)
    sessions = defaultdict(list)
    for ask in asks:
        sessions[words(ask)].append(len(ask.messages))
    assert len(sessions) == 60 and all(lengths == [1, 3, 5] for lengths in sessions.values())


def test_probes_push_another_token_away_each_time(world: World) -> None:
    asks = asked(world, "logprobs")
    assert all(ask.settings["max_tokens"] == 1 and ask.settings["top_logprobs"] == 20 for ask in asks)
    assert len({str(ask.settings["logit_bias"]) for ask in asks}) == 800
    assert all(ask.answer.extra is not None and ask.answer.finish == "length" for ask in asks)


def test_a_pool_breaks_the_prefix_cache_that_a_person_keeps(world: World) -> None:
    cache = PrefixCache()
    cached = [cache.usage(ask)["cached_input_tokens"] for ask in asked(world, "analyst")]
    assert sum(cached) < 0.02 * len(cached) * 100


def test_nothing_reacts_to_an_answer(world: World) -> None:
    # Whether a request is refused is the server's business, and the campaign never asks.
    asks = asked(world, requests=3000)
    assert {ask.status for ask in asks} == {0} and len({words(ask) for ask in asks}) == len(asks)


def test_a_campaign_stops_where_the_composition_ends(world: World) -> None:
    asks = asked(world, day=6.5, hours=24)
    assert 300 < len(asks) < 500 and all(ask.time < world.end for ask in asks)


def test_every_account_is_labelled_also_one_that_never_asks(world: World) -> None:
    actor = campaign(world, requests=50)
    assert len(actor.labels) == 100 > len({ask.account.id for ask in asks_of([actor])})
    assert {(label.role, label.kind, label.campaign) for label in actor.labels} == {
        ("campaign", "instructions", "alpha")
    }


@pytest.mark.parametrize("name", strategies(300))
def test_every_named_strategy_can_be_played(world: World, name: str) -> None:
    strategy = strategies(300)[name].model_dump()
    if name == "diluted_99":
        strategy["honest_share"] = 0.95  # the same path with a fifth of the requests
    asks = asked(world, "reasoning", requests=300, strategy=strategy)
    assert 220 < sum(ask.campaign is not None for ask in asks) < 380
    assert max(ask.time for ask in asks) < world.begin + DAY + 60 * HOUR


@pytest.mark.parametrize("objective", get_args(Objective))
def test_every_objective_goes_with_everything_at_once(world: World, objective: Objective) -> None:
    strategy = strategies(150)["all_at_once"].model_dump()
    asks = asked(world, objective, requests=150, strategy=strategy)
    assert {ask.campaign for ask in asks} == {"alpha", None}
