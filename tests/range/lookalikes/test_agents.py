"""CI agents: long system text, tools, growing conversations, working hours, one key."""

from random import Random

from stillhouse.range.arrivals import DAY, HOUR, weekday
from stillhouse.range.cast import Account
from stillhouse.range.lookalikes.agents import AGENT_SYSTEM, ci_agents, coding_session, tools_of
from stillhouse.range.lookalikes.settings import AgentSettings
from stillhouse.range.world import World
from tests.range.small import asks_of


def test_an_organisation_has_one_key_several_runners_and_tools(world: World) -> None:
    for actor in ci_agents(world, AgentSettings(organisations=4, pushes_per_day=8)):
        asks = asks_of([actor])
        assert len(asks) > 30
        assert len({ask.account.key for ask in asks}) == 1 and 2 <= len({ask.client["ip"] for ask in asks}) <= 6
        assert {ask.system for ask in asks} == {AGENT_SYSTEM} and len(AGENT_SYSTEM) > 600
        assert all(ask.settings["tools"] == tools_of(ask.account.api) for ask in asks)
        times = [ask.time for ask in asks]
        assert times == sorted(times)


def test_each_push_is_a_conversation_that_grows_with_the_results_of_tools(world: World) -> None:
    (actor,) = ci_agents(world, AgentSettings(organisations=1))
    sessions: dict[str, list[int]] = {}
    for ask in asks_of([actor]):
        opening = str(ask.messages[0]["content"])
        assert opening.startswith("Commit ") and ask.messages[-1]["role"] in ("user", "tool")
        sessions.setdefault(opening, []).append(len(ask.messages))
    assert len(sessions) > 20
    # Two calls of tools and an end in this corpus: 1, 3 and 5 messages.
    assert all(lengths == [1, 3, 5][: len(lengths)] for lengths in sessions.values())


def test_pushes_are_made_when_people_work(world: World) -> None:
    for actor in ci_agents(world, AgentSettings(organisations=3)):
        days = {weekday(ask.time // DAY * DAY) for ask in asks_of([actor])}
        hours = {ask.time % DAY // HOUR for ask in asks_of([actor])}
        assert len(days) <= 6 and len(hours) <= 12


def test_real_gaps_pace_an_agent(world: World) -> None:
    session, account = world.corpus.agentic[0], Account("a", "messages", {})
    asks = list(coding_session(Random(1), account, {}, "", {}, session, "Begin.", 1000, (0.5,)))
    assert [ask.time for ask in asks] == [1000, 4500, 8000]


def test_tools_have_the_form_of_the_api() -> None:
    assert tools_of("messages")[0]["input_schema"]["required"] == ["folder"]
    assert tools_of("chat.completions")[0]["function"]["parameters"]["required"] == ["folder"]
