"""CI agents: a build server lets a coding agent loose on each push, all on one key.

Long system text, tools, the same opening words each time, and loops that send the growing conversation again and again:
machine traffic through and through, and with working hours.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from stillhouse.range.arrivals import office_hours
from stillhouse.range.cast import Account, Actor, Ask, Message, Script
from stillhouse.range.corpus import CodingSession
from stillhouse.range.identity.clients import client_of, sampling
from stillhouse.range.identity.network import data_centre, place_at
from stillhouse.range.lookalikes.machine import Organisation, labelled, organisation
from stillhouse.range.lookalikes.settings import AgentSettings
from stillhouse.range.merge import started
from stillhouse.range.seeds import hex_of
from stillhouse.range.wire import answered, called, returned, said
from stillhouse.range.world import World
from stillhouse.types import Api

__all__ = ["AGENT_SYSTEM", "ci_agents", "coding_session", "tools_of"]

AGENT_SYSTEM = (
    "You are a coding agent that runs in a build pipeline without a person watching. You have the repository "
    "checked out in the current folder. Work in small steps: look at the files before you change them, make the "
    "smallest change that does what the task asks, run the tests that belong to it, and stop when they pass. Never "
    "touch files outside the repository, never weaken a test, never print secrets. If the task cannot be done, say "
    "why in one paragraph. Use the tools; do not describe what you would do. When you are done, write a summary for "
    "the pull request: what changed, why, and how it was tested, in at most five sentences."
)
_SECONDS = 6.0  # between two calls of an agent, in the mean
_TOOLS = (
    ("list_files", "Lists the files of a folder.", ("folder",)),
    ("read_file", "Reads a part of a file.", ("path", "offset")),
    ("search", "Searches the repository for a text.", ("query",)),
    ("edit_file", "Changes a file.", ("path", "change")),
    ("run_tests", "Runs tests by name.", ("select",)),
)


def ci_agents(world: World, settings: AgentSettings) -> Iterator[Actor]:
    """Organisations with one account and key each, several runners, sessions on pushes in working hours."""
    for number in range(settings.organisations):
        rng = world.draws("ci", number)
        who = organisation(world, "ci", number, api=rng.choice(("chat.completions", "messages")), system=AGENT_SYSTEM)
        play = partial(_pushes, world, number, who, settings.pushes_per_day)
        yield Actor(labelled(who.accounts, "ci_agent", f"ci/{number}"), play)


def _pushes(world: World, number: int, who: Organisation, per_day: float) -> Script:
    rng = world.draws("ci", number, "pushes")
    runners = [
        place_at(data_centre(rng, who.country, f"{who.name}/{runner}"), 0) for runner in range(rng.randint(2, 6))
    ]
    clients = [client_of(who.software._replace(harness="pipeline-agent"), place) for place in runners]
    asked = sampling(who.accounts[0].api, temperature=0.0, limit=4096) | {"tools": tools_of(who.accounts[0].api)}
    times = office_hours(world.draws("ci", number, "times"), world.begin, world.end, who.country.utc_hours, per_day)
    yield from started(
        (start, _push(world, number, push, start, who.accounts[0], rng.choice(clients), asked))
        for push, start in enumerate(times)
    )


def _push(
    world: World,
    number: int,
    push: int,
    start: int,
    account: Account,
    client: Mapping[str, Any],
    asked: Mapping[str, Any],
) -> Script:
    rng = world.draws("ci", number, "push", push)
    session = rng.choice(world.corpus.agentic)
    opening = f"Commit {hex_of('commit', world.seed, number, push, size=5)} was pushed. {session.task}"
    gaps = world.corpus.gaps.get("agent", ())
    for ask in coding_session(rng, account, client, AGENT_SYSTEM, asked, session, opening, start, gaps):
        if ask.time >= world.end:
            return
        yield ask


def coding_session(
    rng: Random,
    account: Account,
    client: Mapping[str, Any],
    system: str,
    asked: Mapping[str, Any],
    session: CodingSession,
    opening: str,
    start: int,
    gaps: Sequence[float] = (),
) -> Iterator[Ask]:
    """The requests of one agent: after each call of a tool, the whole conversation again with its result.

    `gaps` are real times between an agent's calls over their mean; without them they are log-normal.
    """
    api, now = account.api, start
    messages: list[Message] = [said(opening)]
    for tool, arguments, result in session.steps:
        call = f"call_{rng.getrandbits(48):012x}"
        answer = called(api, call, tool, json.dumps(arguments), arguments)
        yield Ask(now, account, client, system, messages[:], answer, asked)
        messages += [answer.message, returned(api, call, result)]
        now += 500 + int(_SECONDS * 1000 * rng.choice(gaps) if gaps else rng.lognormvariate(8.3, 0.7))
    yield Ask(now, account, client, system, messages[:], answered(session.summary), asked)


def tools_of(api: Api) -> list[dict[str, Any]]:
    """The definitions of the agent's tools as `api` has them."""
    made = []
    for name, meaning, arguments in _TOOLS:
        schema = {
            "type": "object",
            "properties": {key: {"type": "string"} for key in arguments},
            "required": list(arguments),
        }
        if api == "messages":
            made.append({"name": name, "description": meaning, "input_schema": schema})
        else:
            made.append({"type": "function", "function": {"name": name, "description": meaning, "parameters": schema}})
    return made
