"""Who comes to a campaign after it was found, and campaigns that turn out to be one: rows by hand through the fold.

Queues of twenty accounts each: requests of random words at random times, which nobody could stand out by. Six hundred
others ask once each.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.membership import log_odds
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.evidence.conduct import ConductScale
from stillhouse.guard.evidence.group import SIZES
from stillhouse.guard.evidence.nulls import VIEWS, GroupNull
from stillhouse.guard.evidence.persistence import PersistenceNull
from stillhouse.guard.evidence.standing import Scale
from stillhouse.guard.features.content import content
from stillhouse.guard.features.cues import CUES
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.link.group import KINDS
from stillhouse.guard.link.rarity import Rarity
from stillhouse.guard.reference.reference import Reference
from tests.guard.detection import KEY, MINUTE, row

IDF = np.full(BUCKETS, 6.0, np.float32)
DAY = 24 * 60 * MINUTE
ONE, OTHER, BOTH = (token(Kind.WORDING, number) for number in (1, 2, 3))
BOT = token(Kind.CLIENT, 1)
OTHERS = 600
# Of honest accounts of whatever group nine in ten stand out.
NULL = GroupNull({(view, size): PersistenceNull(math.log(9), 0.5, 40) for view in VIEWS for size in SIZES}, 40)
NOBODY = Rarity(np.zeros(0, np.uint64), np.zeros(0, np.int64), 1000)


def detector(**settings: float) -> Detector:
    rates, nulls = (0.01,) * len(CUES), dict.fromkeys(KINDS, NULL)
    reference = Reference(KEY, IDF, rates, NOBODY, Scale.of([]), ConductScale.of([]), {}, nulls, 30 * DAY, {})
    return Detector(reference, DetectSettings.model_validate(settings))


def program(name: str) -> int:
    """A client of its own."""
    return token(Kind.CLIENT, 1000 + sum(ord(letter) << 8 * at for at, letter in enumerate(name)))


def shows(name: str, wording: int, at: int = 0) -> Row:
    """A request of the half that links."""
    return row(f"l{name}{wording}", at, name, evidence=False, wording=(wording,), client=program(name))


def asks(rng: np.random.Generator, name: str, *wording: int, begin: int = 0, topic: str = "") -> Iterator[Row]:
    """Four requests of the half that is evidence: about anything in a day, or about one topic in ten minutes."""
    for number in range(4):
        words = [f"{topic}w{one}" for one in rng.integers(0, 12 if topic else 3000, 10)]
        at = begin + int(rng.integers(10 * MINUTE if topic else DAY))
        yield row(f"e{name}.{begin}.{number}", at, name, wording=wording, client=BOT, content=content(words, IDF))


def queue(rng: np.random.Generator, first: int, wording: int) -> list[Row]:
    """Twenty accounts from that number on."""
    names = [f"q{first + number}" for number in range(20)]
    return [one for name in names for one in (shows(name, wording), *asks(rng, name, wording))]


def others(rng: np.random.Generator) -> list[Row]:
    names = [f"o{number}" for number in range(OTHERS)]
    times = rng.integers(0, DAY, OTHERS).tolist()
    return [row(name, at, name, client=program(name)) for name, at in zip(names, times, strict=True)]


def tick(*rows: Iterable[Row]) -> list[Row]:
    return sorted((one for some in rows for one in some), key=lambda one: (one.at, one.id))


def names(found: Detector, number: int) -> set[str]:
    return {found.population.accounts[at].name for at in found.campaigns[number].members}


def numbered(first: int, count: int = 20) -> set[str]:
    return {f"q{number}" for number in range(first, first + count)}


def test_who_shows_a_campaigns_wording_later_joins_it() -> None:
    """By the half that is evidence, which links nobody: the group stays as it was."""
    rng, found = np.random.default_rng(0), detector()
    (first,) = found.fold(tick(queue(rng, 0, ONE), others(rng)))
    assert (first.id, first.action, set(first.accounts)) == ("c00001", "suspend", numbered(0))
    (later,) = found.fold(tick(asks(rng, "late", ONE, begin=DAY), asks(rng, "else", begin=DAY)))
    assert (later.id, later.action, later.accounts, later.log_e) == ("c00001", "suspend", ["late"], first.log_e)
    assert names(found, 1) == numbered(0) | {"late"}
    (case,) = found.cases_of(found.campaigns[1])
    assert len(case.group.accounts) == 20 and len(case.looks) == 1
    # Its odds are told link by link. 20 show the wording, to as many of 622 as one other and one more of 602 makes.
    late = next(account for account in found.population.accounts if account.name == "late")
    begin, client, recognised = found.campaigns[1].members[late.index]
    assert begin.token == ONE and client.token == BOT and recognised.label == "not recognisable"
    assert begin.log_lr == pytest.approx(math.log(20 / (len(found.population.accounts) * 2 / 1002)), abs=0.01)
    # It asks again and is decided about no second time.
    assert found.fold(tick(asks(rng, "late", ONE, begin=2 * DAY))) == []


def test_an_account_that_is_recognisable_is_not_admitted() -> None:
    """Two that come with the same wording and the same program: one is like the queue, one has a topic and an hour."""
    rng, found = np.random.default_rng(1), detector(membership=6.9, likely=6.9)
    found.fold(tick(queue(rng, 0, ONE), others(rng)))
    person = asks(rng, "person", ONE, begin=DAY, topic="sailing ")
    (later,) = found.fold(tick(asks(rng, "late", ONE, begin=DAY), person))
    assert later.accounts == ["late"] and names(found, 1) == numbered(0) | {"late"}
    # Without that it would have been.
    one = next(account for account in found.population.accounts if account.name == "person")
    membership = found._membership[1]
    links = membership.links(one, [ONE])
    assert log_odds(links) >= 6.9 > log_odds((*links, membership.recognised(one, True)))


def test_who_is_likely_a_campaigns_gets_the_mild_part() -> None:
    rng, found = np.random.default_rng(2), detector(membership=30.0, likely=4.6)
    (first,) = found.fold(tick(queue(rng, 0, ONE), others(rng)))
    assert first.action == "strip" and set(first.accounts) == numbered(0)


def test_campaigns_that_share_half_of_their_accounts_are_the_one_with_the_lowest_number() -> None:
    rng, found = np.random.default_rng(3), detector()
    before = found.fold(tick(queue(rng, 0, ONE), queue(rng, 20, OTHER), others(rng)))
    assert {one.id: set(one.accounts) for one in before} == {"c00001": numbered(0), "c00002": numbered(20)}
    groups = [found.cases_of(found.campaigns[number])[0].group.id for number in (1, 2)]
    # Half of the accounts of each show a third wording, and are a group that is looked at by itself.
    half = [f"q{number}" for number in range(10, 30)]
    now = found.fold(tick(shows(name, BOTH, DAY) for name in half))
    assert list(found.campaigns) == [1] and found.campaigns[1].merged == [2]
    assert now == [] and names(found, 1) == numbered(0, 40)
    cases = found.cases_of(found.campaigns[1])
    assert [case.group.id for case in cases[:2]] == groups and [case.group.leader for case in cases[2:]] == [BOTH]
    assert all(case.campaign is found.campaigns[1] for case in cases)
    # What was decided keeps its name; who shows the second one's wording from now on joins the first.
    assert [one.id for one in before] == ["c00001", "c00002"]
    (later,) = found.fold(tick(asks(rng, "late", OTHER, begin=2 * DAY)))
    assert (later.id, later.accounts) == ("c00001", ["late"]) and "late" in names(found, 1)


def test_campaigns_that_share_less_stay_two() -> None:
    rng, found = np.random.default_rng(4), detector()
    found.fold(tick(queue(rng, 0, ONE), queue(rng, 20, OTHER), others(rng)))
    # Ten of the first one's accounts and nine of the second's: half of nineteen is more than nine.
    found.fold(tick(shows(f"q{number}", BOTH, DAY) for number in range(10, 29)))
    assert list(found.campaigns) == [1, 2] and [found.campaigns[at].merged for at in (1, 2)] == [[], []]
    assert [len(found.cases_of(found.campaigns[at])) for at in (1, 2)] == [2, 1]
