"""What one person asks: sessions, in them conversations, in them turns that carry all earlier ones.

Only a conversation that is going on exists as text; between sessions a person is a name, a day and a count of
conversations.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from random import Random
from typing import Any

from stillhouse.range.answers import answer_to
from stillhouse.range.arrivals import DAY
from stillhouse.range.cast import Ask, Message, Script
from stillhouse.range.identity.clients import client_of
from stillhouse.range.identity.network import place_at
from stillhouse.range.people.person import Person
from stillhouse.range.people.rhythm import session_starts
from stillhouse.range.people.style import written
from stillhouse.range.people.wording import spliced
from stillhouse.range.seeds import pick
from stillhouse.range.usage import REFUSED
from stillhouse.range.wire import answered, said
from stillhouse.range.world import World, conversation_at

__all__ = ["opening_texts", "talk"]

_AGAIN = 0.03  # of the answers are asked for a second time
_LEAVES = 0.12  # chance to end a conversation after a turn


def talk(world: World, person: Person) -> Script:
    """All requests of `person` in time order, until the world ends."""
    talks, free = _conversations(world, person), person.arrives
    for day in range(max(0, (person.arrives - world.begin) // DAY), world.days):
        rng = world.draws(person.name, day)
        for number, start in enumerate(session_starts(rng, person.rhythm, world.begin + day * DAY, world.places)):
            if start < free:
                continue
            yield start
            line = person.lines[1] if len(person.lines) > 1 and rng.random() < person.away else person.lines[0]
            client = client_of(person.software, place_at(line, day, number))
            now = start
            while True:
                for ask in _turns(rng, person, client, now, next(talks)):
                    if ask.time >= world.end:
                        return
                    yield ask
                    now = ask.time
                if rng.random() >= person.rhythm.talks:
                    break
                now += int(math.exp(rng.gauss(12.4, 1.0)))  # a median of four minutes
            free = now + 60_000


def opening_texts(world: World, person: Person, talks: int) -> Iterator[str]:
    """What the person's first `talks` conversations begin with: what `persistence` measures."""
    for _, turns in zip(range(talks), _conversations(world, person), strict=False):
        yield turns[0][0]


def _conversations(world: World, person: Person) -> Iterator[Sequence[tuple[str, str]]]:
    """The person's conversations without end: his own as they are, then those that he was dealt, in his style.

    Text that others were dealt before him comes in another wording.
    """
    for conversation in person.own:
        yield conversation.turns
    counts = [0] * len(person.subjects)
    for number in count():
        yield _dealt(world, person, counts, world.draws(person.name, "conversation", number))


def _dealt(world: World, person: Person, counts: list[int], rng: Random) -> Sequence[tuple[str, str]]:
    subject = pick(rng, range(len(counts)), person.sums)
    topic, place = person.subjects[subject]
    place += counts[subject]
    counts[subject] += 1
    conversation, rounds = conversation_at(world, topic, place)
    turns = list(conversation.turns)
    if rounds:
        other, _ = conversation_at(world, topic, rng.randrange(1 << 30))
        turns[0] = spliced(turns[0][0], other.turns[0][0], rng), turns[0][1]
    return [(written(person.style, text, rng, number == 0), reply) for number, (text, reply) in enumerate(turns)]


def _turns(
    rng: Random, person: Person, client: Mapping[str, Any], start: int, turns: Sequence[tuple[str, str]]
) -> Iterator[Ask]:
    account, system, settings = person.account, person.software.system, person.software.settings
    messages: list[Message] = []
    now = start
    for text, reply in turns:
        messages.append(said(text))
        answer = answered(reply or answer_to(text, rng))
        status = rng.choice((429, 503)) if rng.random() < REFUSED else 200
        ask = Ask(now, account, client, system, messages[:], answer, settings, status=status)
        yield ask
        if status != 200 or rng.random() < _AGAIN:
            now += rng.randrange(2000, 20_000)
            yield ask._replace(time=now, status=200)
        messages.append(answer.message)
        if rng.random() < _LEAVES:
            return
        # Reading the answer and typing the next turn: a median of about 40 seconds.
        now += 1500 + len(reply) * 8 + int(math.exp(rng.gauss(10.4, 0.9)) * person.rhythm.pace)
