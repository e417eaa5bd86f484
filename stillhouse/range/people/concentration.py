"""How closely people keep to their topics, found for each corpus.

The same habits give other figures on other text: topics of small talk are nearer to each other than topics of
programming. So the share of conversations that a person has about anything else is set from a measurement on the
corpus, such that composed people are as persistent as real ones (see `persistence`).
"""

import math
from dataclasses import replace

from stillhouse.range.people.persistence import persistence
from stillhouse.range.people.person import WANDER_SPREAD, draw_person
from stillhouse.range.people.talking import opening_texts
from stillhouse.range.world import Decks, World

__all__ = ["concentrated"]

_PEOPLE = 400
_TALKS = 3


def concentrated(world: World, target: float) -> World:
    """The world whose people have a difference of cosines of about `target`, or as much as its topics can give.

    Two conversations of one person are both inside his topics with probability (1 - share) squared; only his way of
    writing makes the others alike.
    """
    inside, outside = (_difference(replace(world, wander=wander)) for wander in (0.0, 1.0))
    if inside <= target:
        return replace(world, wander=0.0)
    # E[(1 - share)^2] where the share is `wander` times a number between 1 - s and 1 + s: 1 - 2 w + w^2 (1 + s^2 / 3).
    square = 1 + WANDER_SPREAD**2 / 3
    wanted = max(0.0, (target - outside) / (inside - outside))
    root = 1 - square * (1 - wanted)
    return replace(world, wander=min(1.0, (1 - math.sqrt(root)) / square) if root > 0 else 1.0)


def _difference(world: World) -> float:
    decks = Decks(world, "concentration")
    people = [draw_person(world, decks, "concentration", number, median_rate=0.6) for number in range(_PEOPLE)]
    return persistence({person.name: list(opening_texts(world, person, _TALKS)) for person in people}).difference
