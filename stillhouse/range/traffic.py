"""The composition itself: everybody's requests as one log in time order, and the truth beside it.

A log holds what a provider would see and no more; labels and each request's innocent user go another way. Identifiers
are made from the seed, the account and a count of its requests, so a campaign that is added changes no other line.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from stillhouse.range.campaigns.campaign import campaign_actor
from stillhouse.range.cast import Actor, Ask, Label
from stillhouse.range.corpus import Corpus
from stillhouse.range.merge import merged
from stillhouse.range.population import population
from stillhouse.range.scenario import Scenario, world_of
from stillhouse.range.usage import PrefixCache, latency, status_of
from stillhouse.range.wire import request_of, response_of
from stillhouse.records.times import rfc3339
from stillhouse.types import Exchange

__all__ = ["Composed", "composed", "labels", "stream"]


class Composed(NamedTuple):
    """An exchange as a provider logs it, and what is true of it: whose it really is, and of which campaign."""

    exchange: Exchange
    user: str | None
    campaign: str | None


def stream(scenario: Scenario, corpus: Corpus) -> Iterator[Exchange]:
    """All exchanges of the scenario in time order, made one at a time."""
    for entry in composed(scenario, corpus):
        yield entry.exchange


def labels(scenario: Scenario, corpus: Corpus) -> Iterator[Label]:
    """The truth about every account, also about those that end up with no request."""
    for actor in _actors(scenario, corpus):
        yield from actor.labels


def composed(scenario: Scenario, corpus: Corpus) -> Iterator[Composed]:
    """`stream`, with the truth about each request beside it."""
    cache, counts = PrefixCache(), dict[str, int]()
    key = scenario.seed.to_bytes(8, "big")
    for event in merged(actor.play() for actor in _actors(scenario, corpus)):
        if isinstance(event, int):
            continue
        count = counts[event.account.id] = counts.get(event.account.id, 0) + 1
        digest = blake2b(f"{event.account.id}/{count}".encode(), digest_size=13, key=key).digest()
        ask = event if event.status else event._replace(status=status_of(int.from_bytes(digest[1:3])))
        yield Composed(_exchange(ask, digest, scenario.model, cache), event.user, event.campaign)


def _actors(scenario: Scenario, corpus: Corpus) -> Iterator[Actor]:
    world = world_of(scenario, corpus)
    yield from population(world, scenario.population)
    for campaign in scenario.campaigns:
        yield campaign_actor(world, campaign)


def _exchange(ask: Ask, digest: bytes, model: str, cache: PrefixCache) -> Exchange:
    account = ask.account
    usage = cache.usage(ask)
    return Exchange(
        id=f"ex_{digest.hex()}",
        time=rfc3339(ask.time),
        account=account.id,
        organisation=account.organisation,
        key=account.key,
        model=model,
        api=account.api,
        request=request_of(ask, model),
        response=response_of(ask),
        usage=usage,
        client=ask.client,
        registration=account.registration,
        status=ask.status,
        latency_ms=latency(digest[0] / 256, usage, ask.status),
    )
