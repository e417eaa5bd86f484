"""Groups of a reference that look like queues of work: what a campaign inside honest traffic would look like.

Who distilled while the reference was learnt teaches it that his wording is common and that queues are honest. No
number tells him from honest accounts that are interchangeable, so nothing is left out by itself: the groups are
named, and people who know the accounts decide (`stillhouse guard reference --without`). A campaign of fewer parties
than a look needs is not seen; it changes little.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stillhouse.guard.detect.account import in_order
from stillhouse.guard.detect.population import Population
from stillhouse.guard.evidence.group import Customers, look
from stillhouse.guard.evidence.nulls import VIEWS
from stillhouse.guard.evidence.queue import may_be_queue
from stillhouse.guard.features.tokens import kind_of

__all__ = ["Suspicious", "suspicious"]

_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Suspicious:
    """`accounts` share what `shares` says; of `parties` of them `persistent` are recognisable by so many requests."""

    shares: str
    accounts: tuple[str, ...]
    persistent: int
    parties: int
    requests_each: int

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def suspicious(
    groups: Iterable[tuple[Sequence[int], frozenset[int]]],
    population: Population,
    customers: Customers,
    cue_rates: Sequence[float],
) -> list[Suspicious]:
    """`groups` are accounts and the tokens that bind them. Of groups with half of their accounts in common the largest
    is named.
    """
    shown_by = population.shared.accounts
    found: list[Suspicious] = []
    named: set[int] = set()
    for members, tokens in sorted(groups, key=lambda group: (-len(group[0]), sorted(group[1]))):
        if sum(at in named for at in members) >= _OVERLAP * len(members):
            continue
        seen = look(in_order(population.accounts[at] for at in members), tokens, customers)
        if seen is None or not seen.is_eligible(cue_rates):
            continue
        counted = next((one for view in VIEWS if (one := seen.counted(view)) is not None), None)
        if counted is not None and may_be_queue(counted):
            named.update(members)
            shared = kind_of(max(tokens, key=lambda token: (len(shown_by[token]), token))).label
            names = tuple(sorted(population.accounts[at].name for at in members))
            found.append(Suspicious(shared, names, counted.persistent, counted.accounts, seen.size))
    return found
