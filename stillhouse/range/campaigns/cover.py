"""Honest-looking traffic on a campaign's accounts: prompts of one pool, or sessions of people bought from a relay."""

from collections.abc import Iterator

from stillhouse.range.answers import answer_to
from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.campaigns.accounts import Member
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.cast import Ask, Script
from stillhouse.range.identity.clients import client_of
from stillhouse.range.identity.network import place_at
from stillhouse.range.lookalikes.crowds import event_as
from stillhouse.range.merge import merged
from stillhouse.range.people.person import Person, draw_person
from stillhouse.range.people.talking import talk
from stillhouse.range.seeds import seed_of
from stillhouse.range.wire import answered, said
from stillhouse.range.world import Decks, World

__all__ = ["bought_people", "chat_pool"]

_SAMPLE = 150  # people on whom requests a session are counted
_RATE = 1.0  # median sessions of a bought person a day


def chat_pool(world: World, settings: CampaignSettings, members: list[Member]) -> Script:
    """Single prompts of a shared pool, on any account, evenly over the campaign's time."""
    rng, talks = world.draws("campaign", settings.name, "cover"), world.corpus.conversations
    start, span, count = world.begin + int(settings.day * DAY), settings.hours * HOUR, _wanted(settings)
    yield start
    for number in range(count):
        now = start + int((number + rng.random()) / count * span)
        if now >= world.end:
            return
        (account, software, line), (text, reply) = rng.choice(members), rng.choice(talks).turns[0]
        client = client_of(software, place_at(line, (now - world.begin) // DAY))
        answer = answered(reply or answer_to(text, rng))
        yield Ask(now, account, client, software.system, (said(text),), answer, software.settings)


def bought_people(world: World, settings: CampaignSettings, members: list[Member]) -> Script:
    """Whole sessions of people, each of whom stays on one account while the campaign lasts."""
    start = world.begin + int(settings.day * DAY)
    end = start + int(settings.hours * HOUR)
    people = list(_bought(world, settings))
    for event in merged(talk(world, person) for person in people):
        if isinstance(event, int):
            yield event
        elif start <= event.time < end:
            account, software, line = members[seed_of(event.account.id) % len(members)]
            client = client_of(software, place_at(line, (event.time - world.begin) // DAY))
            yield event_as(event, account, client, event.system)


def _bought(world: World, settings: CampaignSettings) -> Iterator[Person]:
    """As many people as are expected to ask what is wanted in the campaign's time."""
    decks, expected, number = Decks(world, f"campaign/{settings.name}"), 0.0, 0
    sessions = settings.hours / 24 * _requests_a_session(world)
    while expected < _wanted(settings):
        name = ("campaign", settings.name, "bought", number)
        person = draw_person(world, decks, *name, median_rate=_RATE, weekend=1.0, arriving=0.0)
        yield person
        expected += person.rhythm.rate * sessions
        number += 1


def _wanted(settings: CampaignSettings) -> int:
    share = settings.strategy.honest_share
    return round(settings.requests * share / (1 - share))


def _requests_a_session(world: World) -> float:
    """Mean requests of one session, counted on a sample of people."""
    decks, asked, sessions = Decks(world, "sample"), 0, 0.0
    for number in range(_SAMPLE):
        person = draw_person(world, decks, "sample", number, median_rate=_RATE, weekend=1.0, arriving=0.0)
        asked += sum(isinstance(event, Ask) for event in talk(world, person))
        sessions += person.rhythm.rate * world.days
    return asked / sessions
