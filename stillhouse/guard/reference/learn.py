"""Learns a reference from a log of honest traffic, in two readings.

The first counts words and cues, the second makes rows, follows accounts and looks at the groups that linking finds.
Words, cues and scales come from one half of the accounts, standings from the other, so what ranks an account has not
seen it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from stillhouse.errors import RecordError
from stillhouse.guard.detect.account import in_order
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.population import Grouping, Population
from stillhouse.guard.detect.row import Row
from stillhouse.guard.evidence.group import SIZES, Customers, Look, look
from stillhouse.guard.evidence.nulls import GroupNull
from stillhouse.guard.evidence.persistence import LEAST_GROUPS
from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.evidence.standing import Scale, maxima_by_band
from stillhouse.guard.features.asked import asked
from stillhouse.guard.features.cues import CUES, cues
from stillhouse.guard.features.words import BUCKETS, word_counts, words_of
from stillhouse.guard.link.rarity import Rarity
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.reference.suspicious import suspicious
from stillhouse.types import Exchange

__all__ = ["LEAST_ACCOUNTS", "learn"]

LEAST_ACCOUNTS = 200
_PART = 30
_PARTS = 30
_FRESH = 0.7

Read = Callable[[], Iterable[Exchange]]
Rows = Callable[[Extractor], Iterable[Row]]
Shared = tuple[int, list[int]]
"""A token, and the accounts that showed it."""


def learn(read: Read, rows: Rows, key: bytes, about: Mapping[str, Any]) -> Reference:
    """`read` gives the exchanges in any order, `rows` the rows that an extractor makes of them in order of time.

    RecordError where the log has too few accounts, or too few groups of accounts, to learn from: with the number
    needed.
    """
    idf, cue_rates = _words_and_cues(read(), key)
    purpose = Purpose(cue_rates)
    first = last = None
    population = Population(key, purpose, 1 << 62)
    for row in rows(Extractor(key, idf)):
        first = row.at if first is None else first
        last = row.at
        population.add(row)
    n = len(population.accounts)
    if n < LEAST_ACCOUNTS or first is None or last is None:
        raise RecordError(f"the log has {n} accounts; a reference needs {LEAST_ACCOUNTS} or more, give a longer log")
    listed = sorted(population.shared.accounts)
    counts = [len(population.shared.accounts[token]) for token in listed]
    rarity = Rarity(np.array(listed, np.uint64), np.array(counts, np.int64), n)
    families, crowds = _groups(population, rarity.common())
    customers = Customers(population.shared.accounts, rarity.largest_customer())
    looks = list(_looks(population, families, crowds, customers))
    found = sum(one.size == SIZES[0] for one in looks)
    if found < LEAST_GROUPS:
        raise RecordError(
            f"linking finds {found} groups of honest accounts; a reference needs {LEAST_GROUPS} or more, "
            "give a log of more accounts"
        )
    maxima = {True: [], False: []}  # type: dict[bool, list[Any]]
    for account in population.accounts:
        maxima[_weighs(account.name, key)].append(maxima_by_band(account.closed, account.best))
    scale = Scale.of(maxima[True])
    standings = np.sort(np.array([scale.standing(one).value for one in maxima[False]]))
    groups = GroupNull.of(looks)
    told = {**about, "suspicious": [one.as_record() for one in suspicious(population, [*families, *crowds], customers)]}
    return Reference(key, idf, cue_rates, rarity, scale, standings, groups, max(last - first, 1), told)


def _weighs(account: str, key: bytes) -> bool:
    """Whether an account is in the half that words, cues and scales come from."""
    return bool(blake2b(account.encode(), key=key, person=b"half", digest_size=1).digest()[0] & 1)


def _words_and_cues(exchanges: Iterable[Exchange], key: bytes) -> tuple[Any, tuple[float, ...]]:
    documents, n = np.zeros(BUCKETS), 0
    shown = [0] * len(CUES)
    for exchange in exchanges:
        if _weighs(exchange.account, key):
            said = asked(exchange)
            words = words_of(said.newest)
            documents[word_counts(words)[0]] += 1
            found = cues(said, words, exchange.request)
            shown = [count + bool(found & cue) for count, cue in zip(shown, CUES, strict=True)]
            n += 1
    idf = np.log((n + 1) / (documents + 1)).astype(np.float32)
    return idf, tuple((count + 1) / (n + 2) for count in shown)


def _groups(population: Population, common: Collection[int]) -> tuple[list[Shared], list[Shared]]:
    """The groups that linking finds as it would in traffic, and the crowds around common tokens: people of one tool or
    one phrase, in an order that says nothing about them."""
    for account in population.accounts:
        account.linked = [token for token in account.linked if token not in common]
    grouping = Grouping(population)
    shared = population.shared.accounts
    grouping.place(token for token in shared if token not in common)
    crowds = {token: in_order(population.accounts[at] for at in shared[token]) for token in sorted(common)}
    return (
        [(family.leader, list(family.accounts)) for family in grouping.all()],
        [(token, [account.index for account in crowd]) for token, crowd in crowds.items()],
    )


def _looks(
    population: Population, families: Sequence[Shared], crowds: Sequence[Shared], customers: Customers
) -> Iterator[Look]:
    """Looks at honest groups that have most of their accounts to themselves, the largest first: families, and parts of
    crowds."""
    groups = [members for _, members in families]
    for _, crowd in crowds:
        groups += [crowd[at : at + _PART] for at in range(0, min(len(crowd), _PARTS * _PART), _PART)]
    used: set[int] = set()
    for group in sorted(groups, key=lambda one: (-len(one), one)):
        if sum(account not in used for account in group) < _FRESH * len(group):
            continue
        members = in_order(population.accounts[at] for at in group)
        seen = [one for size in SIZES if (one := look(members, customers, (size,))) is not None and one.is_eligible]
        if seen:
            used.update(group)
            yield from seen
