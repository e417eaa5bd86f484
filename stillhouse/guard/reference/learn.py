"""Learns a reference from a log of honest traffic, in two readings.

The first counts words and cues, the second makes rows, follows accounts and looks at the groups that linking finds.
Words and cues come from one half of the accounts. What ranks an account by itself comes from all of them, each on a
scale that it is part of, as every new account will be (`evidence/standing.py`).
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stillhouse.errors import RecordError
from stillhouse.guard.detect.account import Account, in_order
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.population import Grouping, Population
from stillhouse.guard.detect.row import Row
from stillhouse.guard.evidence.conduct import ConductScale
from stillhouse.guard.evidence.group import SIZES, Customers, Look, look
from stillhouse.guard.evidence.nulls import GroupNull
from stillhouse.guard.evidence.own import OWN_LINES, own_values
from stillhouse.guard.evidence.persistence import LEAST_GROUPS
from stillhouse.guard.evidence.placing import Places
from stillhouse.guard.evidence.standing import Scale
from stillhouse.guard.link.communities import divide
from stillhouse.guard.link.group import Kind
from stillhouse.guard.link.rarity import Rarity
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.reference.said import Listener, Said, weighs, words_and_cues
from stillhouse.guard.reference.suspicious import suspicious
from stillhouse.records.times import rfc3339

__all__ = ["LEAST_ACCOUNTS", "learn"]

LEAST_ACCOUNTS = 200
_LONGEST_DAYS = 1100
_PART = 30
_PARTS = 30
_FRESH = 0.7

Found = tuple[list[int], frozenset[int]]
"""A group's accounts and the tokens that bind it."""


class _Part(NamedTuple):
    """Part `number` of the group `whose`; most groups have one."""

    whose: int
    number: int
    accounts: list[int]
    tokens: frozenset[int]


Read = Callable[[Listener], Iterable[Said]]
Rows = Callable[[Extractor], Iterable[Row]]


def learn(
    read: Read, rows: Rows, key: bytes, about: Mapping[str, Any], why: Callable[[], str] = lambda: ""
) -> Reference:
    """`read` gives what a listener makes of the exchanges, `rows` the rows that an extractor does, in order of time.
    `why` says what is wrong with the log where it is too little.

    RecordError where the log has too few accounts, or too few groups of accounts, to learn from: with the number
    needed. RecordError where its times cannot all be right.
    """
    idf, cue_rates = words_and_cues(read(Listener(key)))
    first: Row | None = None
    last: Row | None = None
    population = Population(key, 1 << 62)
    for row in rows(Extractor(key, idf)):
        first, last = first or row, row
        population.add(row)
    n = len(population.accounts)
    if n < LEAST_ACCOUNTS or first is None or last is None:
        raise RecordError(
            f"the log has {n} accounts; a reference needs {LEAST_ACCOUNTS} or more, {why() or 'give a longer log'}"
        )
    _check_span(first, last)
    listed = sorted(population.shared.accounts)
    counts = [len(population.shared.accounts[token]) for token in listed]
    rarity = Rarity(np.array(listed, np.uint64), np.array(counts, np.int64), n)
    common = rarity.common()
    customers = Customers(population.shared.accounts, rarity.largest_customer())
    families, crowds = _families(population, common), _crowds(population, common)
    made: dict[Kind, list[_Part]] = {
        "wording": [*_whole(families), *_parts(crowds, len(families))],
        "community": _whole(_communities(population, common, key)),
    }
    looks = {kind: list(_separate(groups, population, customers, cue_rates)) for kind, groups in made.items()}
    groups = {kind: GroupNull.of(of_kind) for kind, of_kind in looks.items()}
    found = groups["wording"].groups
    if found < LEAST_GROUPS:
        raise RecordError(
            f"linking finds {found} groups of honest accounts; a reference needs {LEAST_GROUPS} or more, "
            f"{why() or 'give a log of more accounts'}"
        )
    scale = Scale.of([one.maxima() for one in population.accounts])
    conduct = ConductScale.of([(one.plan, one.closings) for one in population.accounts])
    values = [_values(account, scale, conduct) for account in population.accounts]
    places = {name: Places.of(np.array([one[name] for one in values])) for name in OWN_LINES}
    named = suspicious([*families, *crowds], population, customers, cue_rates)
    told = {**about, "suspicious": [one.as_record() for one in named]}
    return Reference(key, idf, cue_rates, rarity, scale, conduct, places, groups, max(last.at - first.at, 1), told)


def _check_span(first: Row, last: Row) -> None:
    days = (last.at - first.at) / 86_400e6
    if days > _LONGEST_DAYS:
        begin, end = (f"{rfc3339(one.at // 1000)} (exchange {one.id})" for one in (first, last))
        raise RecordError(
            f"the log goes over {days:,.0f} days, from {begin} to {end}; a reference takes {_LONGEST_DAYS:,} at most: "
            "mend or remove what has a wrong time, or give a part of the log"
        )


def _values(account: Account, scale: Scale, conduct: ConductScale) -> dict[str, float]:
    """What a reference's account is compared by, as one of those that made the scales."""
    standing = scale.standing(account.maxima(), member=True)
    return own_values(standing, conduct.largest(account.plan, account.closings, member=True))


def _families(population: Population, common: frozenset[int]) -> list[Found]:
    """Groups that linking finds as it would in traffic."""
    for account in population.accounts:
        account.linked = array("Q", [token for token in account.linked if token not in common])
    grouping = Grouping(population)
    grouping.place(token for token in population.shared.accounts if token not in common)
    return [(list(family.accounts), frozenset(family.tokens)) for family in grouping.all()]


def _crowds(population: Population, common: frozenset[int]) -> list[Found]:
    """Who shows a common token: people of one tool or one phrase, in an order that says nothing about them."""
    shown_by = ((token, population.shared.accounts[token]) for token in sorted(common))
    return [
        ([one.index for one in in_order(population.accounts[at] for at in listed)], frozenset((token,)))
        for token, listed in shown_by
    ]


def _whole(groups: Iterable[Found]) -> list[_Part]:
    return [_Part(whose, 0, *found) for whose, found in enumerate(groups)]


def _parts(crowds: Iterable[Found], first: int) -> list[_Part]:
    """Of crowds that are numbered from `first` on."""
    return [
        _Part(whose, number, crowd[number * _PART : (number + 1) * _PART], tokens)
        for whose, (crowd, tokens) in enumerate(crowds, first)
        for number in range(min(-(-len(crowd) // _PART), _PARTS))
    ]


def _communities(population: Population, common: frozenset[int], key: bytes) -> list[Found]:
    """Communities of each half of the accounts, with the other half as what they are compared with: within a whole,
    nothing is more frequent than in it.
    """
    shared = population.shared.accounts
    weighing = [weighs(account.name, key) for account in population.accounts]
    groups: list[Found] = []
    for half in (True, False):
        ours = {token: [at for at in listed if weighing[at] is half] for token, listed in shared.items()}
        tokens = sorted(token for token in shared if len(ours[token]) < len(shared[token]))
        counts = [len(shared[token]) - len(ours[token]) for token in tokens]
        others = Rarity(np.array(tokens, np.uint64), np.array(counts, np.int64), len(weighing) - weighing.count(half))
        listed = {token: found for token, found in ours.items() if token not in common}
        groups += [(accounts, frozenset(bound)) for accounts, bound in divide(listed, weighing.count(half), others)]
    return groups


def _separate(
    parts: list[_Part], population: Population, customers: Customers, cue_rates: Sequence[float]
) -> Iterator[tuple[int, Look]]:
    """Looks at those parts that have most of their accounts to themselves, with the numbers of their groups: the
    largest first, and of crowds the first part of each before the second of any, so that none has all accounts.
    """
    used: set[int] = set()
    for part in sorted(parts, key=lambda one: (-len(one.accounts), one.number, one.accounts)):
        if sum(account not in used for account in part.accounts) < _FRESH * len(part.accounts):
            continue
        members = in_order(population.accounts[at] for at in part.accounts)
        seen = [one for size in SIZES if (one := look(members, part.tokens, customers, (size,))) is not None]
        seen = [one for one in seen if one.is_eligible(cue_rates)]
        if seen:
            used.update(part.accounts)
            yield from ((part.whose, one) for one in seen)
