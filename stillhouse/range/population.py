"""The honest population: people, most of all, and the look-alikes that a detector must leave in peace."""

from collections.abc import Iterator
from functools import partial

from pydantic import Field

from stillhouse.config import Settings
from stillhouse.range.cast import Actor, Label
from stillhouse.range.corpus import Conversation
from stillhouse.range.lookalikes.agents import ci_agents
from stillhouse.range.lookalikes.batches import backfills, data_shops, timers, translators
from stillhouse.range.lookalikes.classroom import classrooms
from stillhouse.range.lookalikes.crowds import gateways, harness_people, products, relays
from stillhouse.range.lookalikes.evaluations import nightly_evaluations, release_day
from stillhouse.range.lookalikes.settings import (
    AgentSettings,
    BackfillSettings,
    ClassroomSettings,
    DataShopSettings,
    GatewaySettings,
    HarnessSettings,
    NightlySettings,
    ProductSettings,
    RelaySettings,
    ReleaseDaySettings,
    TimerSettings,
    TranslatorSettings,
)
from stillhouse.range.people.person import draw_person
from stillhouse.range.people.talking import talk
from stillhouse.range.world import Decks, World

__all__ = ["PopulationSettings", "population"]


class PopulationSettings(Settings):
    """Who is honest."""

    scale: float = Field(
        1.0, gt=0, le=1000, description="times as many people and organisations; 1 is about 18,000 exchanges a day"
    )
    persons: int = Field(3000, ge=0, description="people with an account of their own")
    sessions_per_day: float = Field(
        0.5, gt=0, description="median sessions of a person on a weekday; a few have many times that"
    )
    named_users: bool = Field(True, description="people of the corpus who are known by name ask what they really asked")
    persistence: float = Field(
        0.11,
        gt=0,
        lt=1,
        description="mean cosine of two prompts of one person minus that of two people, as people are composed",
    )
    nightly_evaluations: NightlySettings = NightlySettings()
    ci_agents: AgentSettings = AgentSettings()
    rag_backfill: BackfillSettings = BackfillSettings()
    gateway: GatewaySettings = GatewaySettings()
    classroom: ClassroomSettings = ClassroomSettings()
    harness: HarnessSettings = HarnessSettings()
    translator: TranslatorSettings = TranslatorSettings()
    release_day: ReleaseDaySettings = ReleaseDaySettings()
    relay: RelaySettings = RelaySettings()
    product: ProductSettings = ProductSettings()
    data_shop: DataShopSettings = DataShopSettings()
    timer: TimerSettings = TimerSettings()


def population(world: World, settings: PopulationSettings) -> Iterator[Actor]:
    """Every honest actor, always in the same order; each account is of one actor."""
    decks, settings = Decks(world, "people"), scaled(settings)
    named = list(_named_users(world).values()) if settings.named_users else []
    for number in range(settings.persons):
        own = named[number] if number < len(named) else ()
        person = draw_person(world, decks, "person", number, median_rate=settings.sessions_per_day, own=own)
        yield Actor((Label(person.account.id, "honest", "person"),), partial(talk, world, person))
    yield from nightly_evaluations(world, settings.nightly_evaluations)
    yield from ci_agents(world, settings.ci_agents)
    yield from backfills(world, settings.rag_backfill)
    yield from gateways(world, decks, settings.gateway)
    yield from classrooms(world, decks, settings.classroom)
    yield from harness_people(world, decks, settings.harness)
    yield from translators(world, settings.translator)
    yield from release_day(world, settings.release_day)
    yield from relays(world, decks, settings.relay)
    yield from products(world, decks, settings.product)
    yield from data_shops(world, settings.data_shop)
    yield from timers(world, settings.timer)


def _named_users(world: World) -> dict[str, list[Conversation]]:
    """Conversations of each user whom the corpus names, those with more than one."""
    found: dict[str, list[Conversation]] = {}
    for conversation in world.corpus.conversations:
        if conversation.user is not None:
            found.setdefault(conversation.user, []).append(conversation)
    return {user: talks for user, talks in found.items() if len(talks) > 1}


_SIZES = {
    "nightly_evaluations": ("labs", "items"),
    "ci_agents": ("organisations", "pushes_per_day"),
    "rag_backfill": ("jobs", "requests"),
    "gateway": ("companies", "people"),
    "classroom": ("classes", "pupils"),
    "harness": ("people", None),
    "translator": ("shops", "requests_per_day"),
    "release_day": ("accounts", None),
    "relay": ("operators", "people"),
    "product": ("products", "users"),
    "data_shop": ("shops", "requests"),
    "timer": ("jobs", None),
}


def scaled(settings: PopulationSettings) -> PopulationSettings:
    """The same proportions at `scale` 1: more of each kind, or fewer, and smaller ones where one of a kind is left."""
    changed: dict[str, object] = {"scale": 1.0, "persons": _times(settings.persons, settings.scale)}
    for kind, (count, size) in _SIZES.items():
        section = getattr(settings, kind)
        wanted = getattr(section, count) * settings.scale
        new = {count: _times(getattr(section, count), settings.scale)}
        if size is not None and new[count] and wanted < new[count]:
            value = getattr(section, size) * wanted / new[count]
            new[size] = value if isinstance(getattr(section, size), float) else max(1, round(value))
        changed[kind] = section.model_copy(update=new)
    return settings.model_copy(update=changed)


def _times(count: int, scale: float) -> int:
    return max(1, round(count * scale)) if count else 0
