"""Evaluation suites: labs that run the same items every night, and strangers who all try a new model on its first day.

Both loop over prompts and collect answers, as harvesting does; both repeat payloads, which harvesting does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from stillhouse.errors import ConfigError
from stillhouse.range.arrivals import DAY, HOUR, flat, nightly
from stillhouse.range.cast import Account, Actor, Script
from stillhouse.range.corpus import Item
from stillhouse.range.identity.clients import client_of, library, sampling
from stillhouse.range.identity.countries import COUNTRIES, COUNTRY_SUMS
from stillhouse.range.identity.network import data_centre, home, place_at
from stillhouse.range.identity.registration import account_id, registered
from stillhouse.range.lookalikes.harnesses import HARNESSES, Harness, item_ask, lead_of
from stillhouse.range.lookalikes.machine import Organisation, labelled, machine_client, organisation
from stillhouse.range.lookalikes.settings import NightlySettings, ReleaseDaySettings
from stillhouse.range.seeds import hex_of, pick
from stillhouse.range.world import World
from stillhouse.types import Api

__all__ = ["nightly_evaluations", "release_day"]

_LAB_APIS: tuple[Api, ...] = ("chat.completions", "chat.completions", "completions", "messages")
_OWN_APIS: tuple[Api, ...] = ("chat.completions", "chat.completions", "responses", "messages")
_LOGPROBS: Mapping[Api, dict[str, Any]] = {
    "chat.completions": {"logprobs": True, "top_logprobs": 5},
    "completions": {"logprobs": 5},
}
_RELEASED = 9 * HOUR  # a model comes out in the morning (UTC)
_SUITES = 3  # that have nearly all of the interest on the first day


def nightly_evaluations(world: World, settings: NightlySettings) -> Iterator[Actor]:
    """Labs, each with one account, a few suites, one harness and one hour."""
    suites = _suites(world) if settings.labs else []
    for lab in range(settings.labs):
        rng = world.draws("nightly", lab)
        who = organisation(world, "nightly", lab, api=rng.choice(_LAB_APIS))
        account = who.accounts[0]
        chosen = rng.sample(suites, min(len(suites), rng.randint(1, 3)))
        harness = rng.choice(HARNESSES)
        share = max(1, settings.items // len(chosen))
        items = [item for suite in chosen for item in suite[: min(share, len(suite) - harness.examples)]]
        asked = sampling(account.api, temperature=0.0, limit=512)
        if rng.random() < settings.logprobs:
            asked |= _LOGPROBS.get(account.api, {})
        hour, lead = rng.randrange(24), lead_of(harness, chosen[0])
        play = partial(_nights, world, lab, who, items, harness, lead, asked, hour, settings.seconds_between)
        yield Actor(labelled(who.accounts, "nightly_evaluation", f"nightly/{lab}"), play)


def _nights(
    world: World,
    lab: int,
    who: Organisation,
    items: Sequence[Item],
    harness: Harness,
    lead: str,
    asked: Mapping[str, Any],
    hour: int,
    seconds: float,
) -> Script:
    client, now = machine_client(who), 0
    for night, start in enumerate(nightly(world.draws("nightly", lab, "hours"), world.begin, world.end, hour)):
        # A night that takes longer than a day delays the next one.
        now = max(now, start)
        yield now
        for item, when in zip(items, flat(world.draws("nightly", lab, night), now, seconds), strict=False):
            if when >= world.end:
                return
            yield item_ask(when, who.accounts[0], client, item, harness, lead, asked)
            now = when


def release_day(world: World, settings: ReleaseDaySettings) -> Iterator[Actor]:
    """Strangers who run overlapping parts of public benchmarks in the day after a release, with a few harnesses."""
    if not settings.accounts:
        return
    harnesses = world.draws("release").sample(HARNESSES, settings.harnesses)
    known = _suites(world)
    suites = world.draws("release", "suites").sample(known, min(_SUITES, len(known)))
    for number in range(settings.accounts):
        rng = world.draws("release", number)
        full = f"{world.seed}/release/{number}"
        api, country = rng.choice(_OWN_APIS), pick(rng, COUNTRIES, COUNTRY_SUMS)
        line = data_centre(rng, country, full) if rng.random() < 0.5 else home(rng, country, full)
        created = world.begin - int(rng.random() * 700 * DAY) - DAY
        account = Account(account_id(full), api, registered(rng, full, created), None, f"key_{hex_of('key', full)}")
        client = client_of(library(rng, api), place_at(line, 0))
        harness, suite = rng.choice(harnesses), rng.choice(suites)
        most = len(suite) - harness.examples
        size = min(most, max(5, int(settings.items * rng.lognormvariate(0, 0.6))))
        # Half take the first items, as a limit on the command line does, half a sample of their own.
        places = range(size) if rng.random() < 0.5 else sorted(rng.sample(range(most), size))
        start = world.begin + int(settings.day * DAY) + _RELEASED + int(min(20, rng.expovariate(1 / 4)) * HOUR)
        items, lead = [suite[place] for place in places], lead_of(harness, suite)
        play = partial(_trial, world, number, account, client, items, harness, lead, start)
        yield Actor(labelled((account,), "release_day", "release"), play)


def _trial(
    world: World,
    number: int,
    account: Account,
    client: Mapping[str, Any],
    items: Sequence[Item],
    harness: Harness,
    lead: str,
    start: int,
) -> Script:
    yield start
    rng = world.draws("release", number, "play")
    asked = sampling(account.api, temperature=0.0, limit=1024)
    for item, now in zip(items, flat(rng, start, rng.choice((0.5, 1, 2, 4, 8))), strict=False):
        if now >= world.end:
            return
        yield item_ask(now, account, client, item, harness, lead, asked)


def _suites(world: World) -> Sequence[Sequence[Item]]:
    suites = world.corpus.suites
    if not suites:
        raise ConfigError(
            "corpus: none of its benchmarks has 10 items to evaluate with; give more `question` rows, or set "
            "population.nightly_evaluations.labs and population.release_day.accounts to 0"
        )
    return suites
