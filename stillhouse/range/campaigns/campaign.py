"""One campaign as an actor: a queue of work, accounts, and who asks what when.

The queue goes out in its own order, one unit after the other, without replacement, whatever is answered. Cover traffic
runs beside it on the same accounts.
"""

from collections.abc import Iterator
from functools import partial

from stillhouse.range.campaigns.accounts import Member, members_of
from stillhouse.range.campaigns.cover import bought_people, chat_pool
from stillhouse.range.campaigns.payloads import payloads_of
from stillhouse.range.campaigns.routing import route_of
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.campaigns.timing import send_times
from stillhouse.range.campaigns.units import PER_SESSION, asks_of
from stillhouse.range.cast import Actor, Label, Script
from stillhouse.range.merge import merged, started
from stillhouse.range.world import World

__all__ = ["campaign_actor", "is_cut_short"]


def campaign_actor(world: World, settings: CampaignSettings) -> Actor:
    """The campaign; every account of it is labelled, also one that never asks."""
    members = members_of(world, settings)
    half = len(members) // 2 if settings.strategy.pools == 2 else len(members)
    labels = [
        Label(
            member.account.id,
            "campaign",
            settings.objective,
            settings.name,
            f"{settings.name}/pool_{1 if place < half else 2}",
        )
        for place, member in enumerate(members)
    ]
    return Actor(labels, partial(_play, world, settings, members))


def is_cut_short(world: World, settings: CampaignSettings) -> bool:
    """Whether some of its work would begin only after the composed days."""
    return any(start >= world.end for start in send_times(world, settings, _sends(settings)))


def _play(world: World, settings: CampaignSettings, members: list[Member]) -> Script:
    scripts = [started(_units(world, settings, members))]
    if settings.strategy.honest_share:
        cover = chat_pool if settings.strategy.cover == "chat_pool" else bought_people
        scripts.append(cover(world, settings, members))
    return merged(scripts)


def _units(world: World, settings: CampaignSettings, members: list[Member]) -> Iterator[tuple[int, Script]]:
    """(when, the requests of one unit of work) in order of their beginnings."""
    sends = _sends(settings)
    payloads = payloads_of(world, settings.objective, settings.name, -(-sends // settings.samples))
    route = route_of(world, settings, payloads, members, sends)
    exploring = settings.strategy.exploration * sends
    for number, start in enumerate(send_times(world, settings, sends)):
        if start >= world.end:
            return
        member, unit = route(number)
        yield start, asks_of(world, settings, member, unit, number, start, number < exploring)


def _sends(settings: CampaignSettings) -> int:
    """Units of work that its requests are, about."""
    follow_ups = 0.0 if settings.objective == "logprobs" else settings.strategy.follow_ups
    each = PER_SESSION if settings.objective == "tool_traces" else 1 + follow_ups
    return max(1, round(settings.requests / each))
