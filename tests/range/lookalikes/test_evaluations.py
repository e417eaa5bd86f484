"""Evaluations: the same items every night; overlapping parts among strangers on one day."""

from collections import Counter
from dataclasses import replace

import pytest

from stillhouse.errors import ConfigError
from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.lookalikes.evaluations import nightly_evaluations, release_day
from stillhouse.range.lookalikes.harnesses import HARNESSES
from stillhouse.range.lookalikes.settings import NightlySettings, ReleaseDaySettings
from stillhouse.range.wire import response_of
from stillhouse.range.world import World
from tests.range.small import asks_of, small_corpus, world_on


def test_a_lab_asks_the_same_items_every_night_at_one_hour(world: World) -> None:
    labs = list(nightly_evaluations(world, NightlySettings(labs=6, items=20)))
    assert len(labs) == 6 and {label.kind for lab in labs for label in lab.labels} == {"nightly_evaluation"}
    for lab in labs:
        asks = asks_of([lab])
        nights: dict[int, list[str]] = {}
        start = asks[0].time
        for ask in asks:
            nights.setdefault((ask.time - start + HOUR) // DAY, []).append(str(ask.messages[0]["content"]))
        assert len(nights) == 7 and len({tuple(night) for night in nights.values()}) == 1
        assert 10 <= len(nights[0]) <= 20 and len(set(nights[0])) == len(nights[0])
        assert len({ask.client["ip"] for ask in asks}) == 1 and {ask.settings["temperature"] for ask in asks} == {0.0}


def test_worked_examples_lead_and_are_not_asked(world: World) -> None:
    harness = HARNESSES[0]
    for lab in nightly_evaluations(world, NightlySettings(labs=30, items=200)):
        asks = asks_of([lab])
        if not asks[0].lead.startswith(harness.before):
            continue
        first = str(asks[0].messages[0]["content"])
        assert first.startswith(asks[0].lead) and first.count("\nAnswer:") == 6 and first.endswith("\nAnswer:")
        examples = asks[0].lead.split("Question: ")[1:]
        assert len(examples) == 5
        for ask in asks:
            assert not any(str(ask.messages[0]["content"]).endswith(f"Question: {one}") for one in examples)
        return
    raise AssertionError("none of thirty labs has the harness with five examples")


def test_some_labs_look_at_log_probabilities(world: World) -> None:
    labs = list(nightly_evaluations(world, NightlySettings(labs=12, items=10, logprobs=1.0)))
    found = Counter(ask.account.api for ask in asks_of(labs) if "logprobs" in ask.settings)
    assert set(found) == {"chat.completions", "completions"}
    for ask in asks_of(labs[:4]):
        body = response_of(ask)
        assert body is not None and ("logprobs" in str(body)) == ("logprobs" in ask.settings)
    assert not any("logprobs" in a.settings for a in asks_of(nightly_evaluations(world, NightlySettings(logprobs=0))))


def test_a_quarter_of_the_labs_cannot_ask_for_log_probabilities(world: World) -> None:
    settings = NightlySettings(labs=300, items=1, logprobs=1.0)
    asked = {ask.account.id: "logprobs" in ask.settings for ask in asks_of(nightly_evaluations(world, settings))}
    assert sum(asked.values()) / len(asked) == pytest.approx(0.75, abs=0.08)
    assert "of the labs whose API has them" in str(NightlySettings.model_fields["logprobs"].description)


def test_on_release_day_strangers_repeat_one_another(world: World) -> None:
    actors = list(release_day(world, ReleaseDaySettings(accounts=60, items=25, harnesses=2, day=2.0)))
    asks = asks_of(actors)
    assert {label.kind for actor in actors for label in actor.labels} == {"release_day"}
    owners: dict[str, set[str]] = {}
    for ask in asks:
        owners.setdefault(str(ask.messages[0]["content"]), set()).add(ask.account.id)
        assert world.begin + 2 * DAY <= ask.time < world.begin + 4 * DAY
    # Payloads repeat between accounts, and no account repeats its own.
    assert sum(len(who) > 1 for who in owners.values()) > 0.8 * len(owners)
    for actor in actors:
        own = [str(ask.messages[0]["content"]) for ask in asks_of([actor])]
        assert len(own) == len(set(own)) >= 5
    assert len({(ask.system, bool(ask.lead)) for ask in asks}) <= 2 * 2
    accounts = {ask.account.id: ask for ask in asks}
    assert len(accounts) == 60 and len({ask.client["ip"] for ask in accounts.values()}) == 60
    assert len({ask.account.registration["created"] for ask in accounts.values()}) == 60


def test_most_of_it_is_in_the_first_day(world: World) -> None:
    asks = asks_of(release_day(world, ReleaseDaySettings(accounts=80, items=20, day=1.0)))
    assert sum(ask.time < world.begin + 2 * DAY for ask in asks) > 0.9 * len(asks)


def test_a_corpus_without_benchmarks_is_one_line() -> None:
    world = world_on(replace(small_corpus(), benchmarks={}))
    with pytest.raises(ConfigError, match="none of its benchmarks has 10 items to evaluate with; give more"):
        list(nightly_evaluations(world, NightlySettings()))
    with pytest.raises(ConfigError, match=r"set population\.nightly_evaluations.labs and population\.release_day"):
        list(release_day(world, ReleaseDaySettings()))
    assert list(nightly_evaluations(world, NightlySettings(labs=0))) == []
    assert list(release_day(world, ReleaseDaySettings(accounts=0))) == []
