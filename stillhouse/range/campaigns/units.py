"""One unit of work as requests: a question with invented further turns, a session with tools, or a probed token."""

import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from stillhouse.range.answers import answer_to
from stillhouse.range.arrivals import DAY
from stillhouse.range.campaigns.accounts import Member
from stillhouse.range.campaigns.payloads import Unit
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.campaigns.templates import worded
from stillhouse.range.cast import Answer, Ask, Message
from stillhouse.range.identity.clients import client_of
from stillhouse.range.identity.network import place_at
from stillhouse.range.lookalikes.agents import coding_session, tools_of
from stillhouse.range.seeds import poisson
from stillhouse.range.wire import answered, said
from stillhouse.range.world import World

__all__ = ["PER_SESSION", "asks_of"]

PER_SESSION = 10  # requests of one coding session, about
_TOKENS = 150_000  # of the served model's vocabulary
_FURTHER = (
    "Explain the second step in more detail.",
    "Is there another way?",
    "Now do the same for a similar case.",
    "Why is that?",
    "Check your answer once more.",
    "Summarise the main point.",
    "Can you make it more precise?",
    "What follows from that?",
    "Give one more example.",
    "Rewrite it for a wider audience.",
)


def asks_of(
    world: World, settings: CampaignSettings, member: Member, unit: Unit, number: int, start: int, exploring: bool
) -> Iterator[Ask]:
    """The requests of unit `number` on that account, from `start` on, in time order, until the world ends.

    `exploring` units try another technique each.
    """
    rng, name = world.draws("campaign", settings.name, "unit", number), f"{world.seed}/{settings.name}"
    text = worded(settings.objective, settings.strategy, name, number, unit.payload, exploring)
    client = client_of(member.software, place_at(member.line, (start - world.begin) // DAY))
    match settings.objective:
        case "tool_traces":
            asked = {**member.software.settings, "tools": tools_of(member.account.api)}
            session, gaps = world.corpus.agentic[unit.place], world.corpus.gaps.get("agent", ())
            system = member.software.system
            asks = coding_session(rng, member.account, client, system, asked, session, text, start, gaps)
        case "logprobs":
            asks = iter([_probe(rng, member, client, text, number, start)])
        case _:
            turns = rng.sample(_FURTHER, min(len(_FURTHER), poisson(rng, settings.strategy.follow_ups)))
            asks = _questions(rng, member, client, [text, *turns], answered(unit.answer or answer_to(text, rng)), start)
    for ask in asks:
        if ask.time >= world.end:
            return
        yield ask._replace(campaign=settings.name)


def _questions(
    rng: Random, member: Member, client: Mapping[str, Any], turns: list[str], answer: Answer, start: int
) -> Iterator[Ask]:
    """A question and further ones in the same conversation, as somebody would send who imitates a person."""
    messages: list[Message] = []
    now = start
    for turn in turns:
        messages.append(said(turn))
        software = member.software
        yield Ask(now, member.account, client, software.system, messages[:], answer, software.settings)
        messages.append(answer.message)
        answer = answered(answer_to(f"{turns[0]} {turn}", rng))
        now += 4000 + int(math.exp(rng.gauss(10.2, 0.8)))


def _probe(rng: Random, member: Member, client: Mapping[str, Any], text: str, number: int, start: int) -> Ask:
    """One token with its log-probabilities, another one pushed away each time (Carlini et al., arXiv 2403.06634)."""
    software = member.software
    asked = {
        **software.settings,
        "max_tokens": 1,
        "logprobs": True,
        "top_logprobs": 20,
        "logit_bias": {str(100 + number * 7919 % _TOKENS): -100},
    }
    shown = {"token": " the", "logprob": round(-rng.expovariate(1), 4), "top_logprobs": []}
    answer = answered("the", "length")._replace(extra={"logprobs": {"content": [shown]}})
    return Ask(start, member.account, client, software.system, (said(text),), answer, asked)
