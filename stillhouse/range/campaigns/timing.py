"""When a campaign's requests go out: the n-th before the next one, whatever is answered.

A work queue sends in global order. A rhythm is a function that bends an even march through the campaign's time.
"""

from collections.abc import Callable, Iterator

from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.campaigns.routing import switch_of
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.world import World

__all__ = ["send_times"]

_BURSTS = 6
_TRIALS = 1 / 3  # of the time goes to exploration, where there is one


def send_times(world: World, settings: CampaignSettings, count: int) -> Iterator[int]:
    """`count` times in order, in milliseconds.

    Exploration comes first and thin; there is a break where one pool takes over from another.
    """
    strategy, rng = settings.strategy, world.draws("campaign", settings.name, "times")
    start, span = world.begin + int(settings.day * DAY), settings.hours * HOUR
    bend, explored = _RHYTHMS[strategy.rhythm], strategy.exploration
    switch = switch_of(settings, count) if strategy.pools == 2 else count
    pause = int(strategy.failover_minutes * 60_000)
    for number in range(count):
        share = (number + rng.random()) / count
        if explored:
            late = _TRIALS + (share - explored) / (1 - explored) * (1 - _TRIALS)
            share = share / explored * _TRIALS if share < explored else late
        yield start + int(bend(share, settings.hours / 24) * span) + (pause if number >= switch else 0)


def _office(share: float, days: float) -> float:
    """The first ten of each 24 hours, from the campaign's own beginning on; less than a day is worked through."""
    day, inside = divmod(share * days, 1)
    return min(1.0, (day + inside * 10 / 24) / days) if days >= 1 else share


def _bursts(share: float, days: float) -> float:
    """A twelfth of each sixth of the time."""
    burst, inside = divmod(share * _BURSTS, 1)
    return (burst + inside / 12) / _BURSTS


_RHYTHMS: dict[str, Callable[[float, float], float]] = {
    "flat": lambda share, days: share,
    "office_hours": _office,
    "ramp": lambda share, days: share ** (1 / 3),
    "bursts": _bursts,
}
