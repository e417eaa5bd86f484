"""Which account asks next, and what.

Whoever balances a queue over accounts makes them exchangeable; whoever gives each account a topic of its own pays
with a queue for each topic. An account is chosen for a unit of work, never a unit for what was answered.
"""

from collections.abc import Callable, Sequence
from itertools import count

from stillhouse.range.campaigns.accounts import Member
from stillhouse.range.campaigns.payloads import Payloads, Unit
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.corpus.topics import find_topics
from stillhouse.range.world import World

__all__ = ["Route", "route_of", "switch_of"]

_TOPICS = 128  # that a queue is cut into, at most
_QUESTIONS = 20  # of one topic in the mean, at least

Route = Callable[[int], tuple[Member, Unit]]
"""From the number of a unit of work to who asks it and what it is; called once for each number, in order."""


def route_of(
    world: World, settings: CampaignSettings, payloads: Payloads, members: Sequence[Member], sends: int
) -> Route:
    """The route of a campaign that sends `sends` units; with two pools the second half of the members takes over."""
    strategy, samples = settings.strategy, settings.samples
    if strategy.pools == 2:
        half, switch = len(members) // 2, switch_of(settings, sends)
        stages = [(members[:half], 0, switch), (members[half:], switch, sends)]
    else:
        stages = [(members, 0, sends)]
    shards = _Shards(payloads, samples) if strategy.routing == "topic_shards" else None
    rng = world.draws("campaign", settings.name, "routing")
    turns: list[int] = []

    def route(number: int) -> tuple[Member, Unit]:
        pool, first, end = stages[0] if number < stages[0][2] else stages[-1]
        match strategy.routing:
            case "random":
                place = rng.randrange(len(pool))
            case "one_by_one":
                place = (number - first) * len(pool) // (end - first)
            case "round_robin" | "topic_shards":
                # Everybody once before anybody twice, in another order each time: a fixed one would give each account
                # every so-manyth question, and questions that are so far apart may have something in common.
                if not turns or number == first:
                    turns[:] = range(len(pool))
                    rng.shuffle(turns)
                place = turns.pop()
        unit = payloads.unit(number // samples) if shards is None else shards.unit(place)
        return pool[place], unit

    return route


def switch_of(settings: CampaignSettings, sends: int) -> int:
    """The number of the first unit that the second pool sends."""
    return min(sends, max(1, round(settings.strategy.failover_at * sends)))


class _Shards:
    """A queue for each topic; accounts belong to topics for good, as many to each as there is of it."""

    def __init__(self, payloads: Payloads, samples: int) -> None:
        wanted = min(_TOPICS, max(2, len(payloads.base) // _QUESTIONS))
        topics = find_topics([unit.payload for unit in payloads.base], wanted).members
        self._queues = [Payloads([payloads.base[place] for place in members]) for members in topics]
        self._counters = [count() for _ in topics]
        self._owners = [topic for topic, members in enumerate(topics) for _ in members]
        self._samples = samples

    def unit(self, place: int) -> Unit:
        """The next unit for the account at that place of its pool."""
        # A step that is far from any period of the list mixes the topics among neighbouring accounts.
        topic = self._owners[place * 2_654_435_761 % len(self._owners)]
        return self._queues[topic].unit(next(self._counters[topic]) // self._samples)
