"""One honest person: everything about him that lasts.

A person is made from his name alone, so the same person can ask for himself, as an employee behind a company's key,
or through a relay, and a detector that follows him there would be right.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from stillhouse.range.arrivals import DAY
from stillhouse.range.cast import Account
from stillhouse.range.corpus import Conversation
from stillhouse.range.identity.clients import Software, personal_software
from stillhouse.range.identity.countries import COUNTRIES, COUNTRY_SUMS, Country
from stillhouse.range.identity.network import Line, data_centre, home, mobile, office
from stillhouse.range.identity.registration import account_id, registered
from stillhouse.range.people.rhythm import Rhythm, draw_rhythm
from stillhouse.range.people.style import Style, draw_style
from stillhouse.range.seeds import cumulative, hex_of, pick
from stillhouse.range.world import ANYTHING, Decks, World

__all__ = ["WANDER_SPREAD", "Person", "Subject", "draw_person"]

WANDER_SPREAD = 0.4
_SHARES = ((1.0,), (0.88, 0.12), (0.78, 0.15, 0.07), (0.7, 0.17, 0.08, 0.05))
_SHARES_OF = (5, 3, 1, 1)
_ARRIVING = 0.12  # of all people register while they are watched
_MOBILE = 0.18  # of the sessions of somebody who has a line at home
_RENTED = 0.25  # of those who write their own scripts
_WORK = (
    "I'm working on {0} for a {1}.",
    "Context: {1}, {0}.",
    "This is about {0} again.",
    "For my {1} ({0}):",
    "Still the {0} thing.",
    "We run a {1} and I look after {0}.",
)
_THINGS = (
    "the quarterly report", "my thesis chapter", "the onboarding guide", "an inventory app", "the wedding plans",
    "a grant proposal", "the data pipeline", "our newsletter", "a board game", "the tax return", "a novel",
    "the garden plan", "the migration", "exam preparation", "the landing page", "a podcast", "the budget sheet",
    "the support backlog", "a lesson plan", "the mobile app",
)  # fmt: skip
_PLACES = (
    "bakery", "law office", "physics lab", "bike shop", "primary school", "charity", "games studio",
    "hospital ward", "start-up", "town council", "music school", "logistics company", "museum", "farm", "hotel",
    "insurance agency", "choir", "print shop",
)  # fmt: skip


class Subject(NamedTuple):
    """A topic of a person and the run of conversations that he was dealt in it."""

    topic: int
    place: int


class Person(NamedTuple):
    """`lines` are his connections, `away` how often he uses another one than the first.

    `own` are his real conversations, `arrives` when he registers (0: before the beginning).
    """

    name: str
    account: Account
    software: Software
    style: Style
    rhythm: Rhythm
    lines: tuple[Line, ...]
    away: float
    subjects: tuple[Subject, ...]
    sums: tuple[float, ...]
    own: Sequence[Conversation] = ()
    arrives: int = 0


def draw_person(
    world: World,
    decks: Decks,
    *name: str | int,
    median_rate: float,
    country: Country | None = None,
    line: Line | None = None,
    software: Software | None = None,
    domain: str | None = None,
    plan: str | None = None,
    own: Sequence[Conversation] = (),
    weekend: float | None = None,
    arriving: float = _ARRIVING,
) -> Person:
    """The person of that name. What is given (a company's line, a tool that all use) replaces what would be drawn.

    `median_rate` is in sessions a weekday, `arriving` the chance that he registers only while he is watched.
    """
    full = "/".join(map(str, (world.seed, *name)))
    rng = world.draws(*name, "person")
    country = country or pick(rng, COUNTRIES, COUNTRY_SUMS)
    role = rng.choice(world.corpus.roles) if rng.random() < 0.12 else None
    software = software or personal_software(rng, role)
    arrives = world.begin + rng.randrange(world.days * DAY) if rng.random() < arriving else 0
    created = arrives or world.begin - int(rng.betavariate(1.1, 2.2) * 900 * DAY) - 1
    registration = registered(rng, full, created, domain=domain, plan=plan)
    rhythm = draw_rhythm(rng, country.utc_hours, median_rate, weekend)
    subjects, sums = _subjects(world, decks, rng, rhythm.rate * world.days)
    account = Account(account_id(full), software.api, registration, None, f"key_{hex_of('key', full)}")
    project = rng.choice(_WORK).format(rng.choice(_THINGS), rng.choice(_PLACES))
    lines = (line,) if line else _lines(rng, country, full, software)
    return Person(
        full, account, software, draw_style(rng, project), rhythm, lines, _MOBILE, subjects, sums, own, arrives
    )


def _lines(rng: Random, country: Country, name: str, software: Software) -> tuple[Line, ...]:
    """At home with a phone beside it, on a phone only, or at a company or campus with a phone beside it.

    Whoever writes his own scripts may have them on a rented machine.
    """
    if software.harness is None and rng.random() < _RENTED:
        return (data_centre(rng, country, name),)
    phone = mobile(rng, country, f"{name}/phone")
    luck = rng.random()
    if luck < 0.62:
        return home(rng, country, name), phone
    if luck < 0.74:
        return (phone,)
    # Sizes of organisations are heavy-tailed too: low numbers have many of these people.
    return office(country, f"{country.number}/{int(rng.paretovariate(0.7))}"), phone


def _subjects(
    world: World, decks: Decks, rng: Random, sessions: float
) -> tuple[tuple[Subject, ...], tuple[float, ...]]:
    """One to four topics with falling shares, drawn by how much is said in them, and a share of anything else."""
    topics = world.corpus.topics
    wander = min(1.0, world.wander * rng.uniform(1 - WANDER_SPREAD, 1 + WANDER_SPREAD))
    shares = [(1 - wander) * share for share in rng.choices(_SHARES, _SHARES_OF)[0]]
    chosen = [pick(rng, range(len(topics)), topics.sums) for _ in shares]
    if wander:
        shares.append(wander)
        chosen.append(ANYTHING)
    places = [
        decks.deal(topic, max(1, round(share * sessions * 1.5))) for topic, share in zip(chosen, shares, strict=True)
    ]
    return tuple(map(Subject, chosen, places)), cumulative(shares)
