"""What all actors of one composition share: the span of time, the words, the seed that all names are drawn under."""

from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from stillhouse.range.arrivals import DAY, places_in_hour
from stillhouse.range.corpus import Conversation, Corpus
from stillhouse.range.seeds import draws

ANYTHING = -1
__all__ = ["ANYTHING", "Decks", "World", "conversation_at"]


@dataclass(frozen=True)
class World:
    """`begin` is in milliseconds since 1970 and at midnight UTC. `wander` is how often people leave their topics."""

    seed: int
    begin: int
    days: int
    corpus: Corpus
    wander: float = 0.0

    @property
    def end(self) -> int:
        return self.begin + self.days * DAY

    @cached_property
    def places(self) -> tuple[float, ...]:
        """Where in their hour real requests came; empty where the corpus has no arrivals."""
        gaps = self.corpus.gaps.get("conversation", ())
        return places_in_hour(gaps) if gaps else ()

    def draws(self, *parts: str | int) -> Random:
        """The generator of that name in this composition."""
        return draws(self.seed, *parts)


@dataclass
class Decks:
    """Conversations of each topic, dealt so that nobody gets one a second time while there are fresh ones.

    A deck is used while a population is put together, in one fixed order: each person is dealt a run of places in his
    topic.
    """

    world: World
    name: str
    _next: dict[int, int] = field(default_factory=dict)

    def deal(self, topic: int, count: int) -> int:
        """The first place of a run of `count` in the topic; places beyond the topic's size go round again."""
        size = len(_members(self.world, topic))
        place = self._next.get(topic)
        if place is None:
            place = self.world.draws("deck", self.name, topic).randrange(size)
        self._next[topic] = place + count
        return place


def conversation_at(world: World, topic: int, place: int) -> tuple[Conversation, int]:
    """The conversation at a place that `Decks.deal` gave, and how often the topic went round before it."""
    members = _members(world, topic)
    return world.corpus.conversations[members[place % len(members)]], place // len(members)


def _members(world: World, topic: int) -> tuple[int, ...]:
    topics = world.corpus.topics
    return topics.anything if topic == ANYTHING else topics.members[topic]
