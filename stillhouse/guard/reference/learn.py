"""Learns a reference from a log of honest traffic, in two readings.

The first counts words and cues, the second makes rows, follows accounts and looks at the groups that linking finds.
Words, cues and scales come from one half of the accounts, standings from the other, so what ranks an account has not
seen it.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np

from stillhouse.errors import RecordError
from stillhouse.guard.detect.account import Account, in_order
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.population import Grouping, Population
from stillhouse.guard.detect.row import Row
from stillhouse.guard.evidence.group import SIZES, Customers, Look, look
from stillhouse.guard.evidence.horizons import HEAVY
from stillhouse.guard.evidence.nulls import GroupNull
from stillhouse.guard.evidence.persistence import LEAST_GROUPS
from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.evidence.standing import Scale, maxima_by_band
from stillhouse.guard.features.asked import asked
from stillhouse.guard.features.cues import CUES, cues
from stillhouse.guard.features.words import BUCKETS, word_counts, words_of
from stillhouse.guard.link.rarity import Rarity
from stillhouse.guard.reference.reference import Reference
from stillhouse.types import Exchange

__all__ = ["LEAST_ACCOUNTS", "learn"]

LEAST_ACCOUNTS = 200
_PART = 30
_PARTS = 30
_FRESH = 0.7

Read = Callable[[], Iterable[Exchange]]
Rows = Callable[[Extractor], Iterable[Row]]


def learn(read: Read, rows: Rows, key: bytes, about: dict[str, Any]) -> Reference:
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
    looks = list(_looks(population, rarity))
    found = sum(one.size == SIZES[0] for one in looks)
    if found < LEAST_GROUPS:
        raise RecordError(
            f"linking finds {found} groups of honest accounts; a reference needs {LEAST_GROUPS} or more, "
            "give a log of more accounts"
        )
    halves: dict[bool, list[Account]] = {True: [], False: []}
    for account in population.accounts:
        halves[_weighs(account.name, key)].append(account)
    scale = Scale.of([maxima_by_band(one.closed, one.best) for one in halves[True]])
    # Who is judged was chosen by his volume, so those that he is ranked among are chosen by it too.
    heavy = [one for one in halves[False] if one.exchanges >= HEAVY]
    standings = np.sort([scale.standing(maxima_by_band(one.closed, one.best)).value for one in heavy])
    groups = GroupNull.of(looks)
    return Reference(key, idf, cue_rates, rarity, scale, standings, groups, max(last - first, 1), about)


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


def _looks(population: Population, rarity: Rarity) -> Iterator[Look]:
    """Looks at honest groups that have most of their accounts to themselves, the largest first.

    Those that linking finds as it would in traffic, and parts of the crowds around common tokens, which are people of
    one tool or one phrase.
    """
    common = rarity.common()
    for account in population.accounts:
        account.linked = [token for token in account.linked if token not in common]
    grouping = Grouping(population)
    grouping.place(token for token in population.shared.accounts if token not in common)
    groups = [list(family.accounts) for family in grouping.all()]
    for token in sorted(common):
        crowd = [one.index for one in in_order(population.accounts[at] for at in population.shared.accounts[token])]
        groups += [crowd[at : at + _PART] for at in range(0, min(len(crowd), _PARTS * _PART), _PART)]
    customers = Customers(population.shared.accounts, rarity.largest_customer())
    used: set[int] = set()
    for group in sorted(groups, key=lambda one: (-len(one), one)):
        if sum(account not in used for account in group) < _FRESH * len(group):
            continue
        members = in_order(population.accounts[at] for at in group)
        seen = [one for size in SIZES if (one := look(members, customers, (size,))) is not None and one.is_eligible]
        if seen:
            used.update(group)
            yield from seen
