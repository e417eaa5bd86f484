"""One unit of work as requests: its words, its turns and its end, for each kind of unit."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from stillhouse.range.arrivals import DAY
from stillhouse.range.campaigns.accounts import Member, members_of
from stillhouse.range.campaigns.payloads import Unit
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.campaigns.templates import worded
from stillhouse.range.campaigns.units import asks_of
from stillhouse.range.cast import Ask
from stillhouse.range.lookalikes.agents import tools_of
from stillhouse.range.world import World

UNIT = Unit("What is a lathe?", "A machine that turns its work.")


def given(objective: str = "instructions", **strategy: Any) -> CampaignSettings:
    settings = {"name": "alpha", "objective": objective, "strategy": {"accounts": 3, **strategy}}
    return CampaignSettings.model_validate(settings)


def member_of(world: World, settings: CampaignSettings) -> Member:
    return members_of(world, settings)[0]


def asks(
    world: World,
    settings: CampaignSettings,
    number: int = 0,
    start: int | None = None,
    exploring: bool = False,
    unit: Unit = UNIT,
) -> list[Ask]:
    start = world.begin + DAY if start is None else start
    return list(asks_of(world, settings, member_of(world, settings), unit, number, start, exploring))


def test_a_question_is_one_request_in_the_campaigns_words(world: World) -> None:
    settings = given()
    member = member_of(world, settings)
    (ask,) = asks(world, settings, 7)
    text = worded("instructions", settings.strategy, f"{world.seed}/alpha", 7, UNIT.payload, False)
    assert list(ask.messages) == [{"role": "user", "content": text}] and UNIT.payload in text
    assert ask.answer.message["content"] == UNIT.answer and ask.answer.finish == "stop"
    assert (ask.time, ask.account, ask.campaign, ask.user) == (world.begin + DAY, member.account, "alpha", None)
    assert (ask.system, ask.settings) == (member.software.system, member.software.settings)
    assert ask.client["user_agent"] == member.software.user_agent


def test_a_unit_is_the_same_whenever_it_is_asked_for_and_no_other_one_is(world: World) -> None:
    settings = given(follow_ups=4.0)
    assert asks(world, settings, 3) == asks(world, settings, 3)
    lengths = [len(asks(world, settings, number)) for number in range(40)]
    assert len(set(lengths)) > 4 and 4 < sum(lengths) / 40 < 6  # one, and four more in the mean


def test_further_turns_carry_what_was_said_before(world: World) -> None:
    settings = given(follow_ups=8.0)
    found = max((asks(world, settings, number) for number in range(20)), key=len)
    assert len(found) > 8
    for before, after in pairwise(found):
        assert list(after.messages[: len(before.messages)]) == list(before.messages)
        assert after.messages[len(before.messages)] == before.answer.message
        assert [message["role"] for message in after.messages[len(before.messages) :]] == ["assistant", "user"]
        assert after.time - before.time > 4000  # milliseconds to read it
    further = [ask.messages[-1]["content"] for ask in found[1:]]
    assert len(set(further)) == len(further) and UNIT.payload not in further


def test_it_ends_with_the_world(world: World) -> None:
    settings = given(follow_ups=8.0)
    number = next(number for number in range(20) if len(asks(world, settings, number)) > 3)
    whole = asks(world, settings, number)
    late = world.end - (whole[2].time - whole[0].time)
    assert len(asks(world, settings, number, late)) == 2, "a request at the end itself is none"
    assert asks(world, settings, number, world.end) == []


def test_who_explores_uses_a_technique_instead_of_the_wording(world: World) -> None:
    settings = given("reasoning")
    (plain,), (tried,), (other,) = (asks(world, settings, at, exploring=at > 0) for at in (0, 1, 2))
    texts = [ask.messages[0]["content"] for ask in (plain, tried, other)]
    assert len({text.replace(UNIT.payload, "") for text in texts}) == 3 and all(UNIT.payload in one for one in texts)


def test_a_probe_asks_for_one_token_and_pushes_another_away(world: World) -> None:
    settings = given("logprobs")
    member = member_of(world, settings)
    probes = [one for number in (0, 1, 20) for one in asks(world, settings, number)]
    assert len(probes) == 3
    expected: Mapping[str, Any] = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
    for probe in probes:
        assert probe.settings.items() >= expected.items() and probe.settings.keys() >= member.software.settings.keys()
        assert probe.answer.finish == "length" and probe.answer.message["content"] == "the"
        (shown,) = (probe.answer.extra or {})["logprobs"]["content"]
        assert shown["token"] == " the" and shown["logprob"] < 0
    # 100 + 7919 n, within 150,000.
    assert [list(probe.settings["logit_bias"]) for probe in probes] == [["100"], ["8019"], ["8480"]]


@pytest.mark.parametrize("place", [0, 5])
def test_a_session_is_that_of_the_units_place_with_tools(world: World, place: int) -> None:
    settings = given("tool_traces")
    member = member_of(world, settings)
    session = world.corpus.agentic[place]
    found = asks(world, settings, unit=Unit(session.task, "", place))
    assert [len(ask.messages) for ask in found] == [1, 3, 5] == [2 * step + 1 for step in range(len(session.steps) + 1)]
    assert session.task in found[0].messages[0]["content"]
    assert all(ask.settings["tools"] == tools_of(member.account.api) for ask in found)
    assert found[-1].answer.message["content"] == session.summary
    assert all(ask.campaign == "alpha" for ask in found)
