"""A look at one group: is it made of people, and what does it want? Computed from the evidence half alone.

What is compared are *parties*: an account, or all accounts of one customer, who may share his work among them openly.
Of each the newest requests that show the wording of the group are taken, and the newest of all where it has not two
of them. Groups whose requests have nothing in common are passed over, such as the customers of one relay or the
neighbours behind one address: what links those says nothing about what they ask.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.detect.account import SAMPLED, Account, Sampled
from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.features.cues import CUES
from stillhouse.guard.features.exchangeability import by_content, by_times
from stillhouse.guard.features.tokens import Kind, kind_of

__all__ = ["LEAST_PARTIES", "SIZES", "Customers", "Look", "look", "recognisable", "size_of"]

LEAST_PARTIES = 16
SIZES = (2, 3, 4, 6)
"""How many newest requests of each party are compared. More say more, and fewer accounts have them."""
_MOST_REQUESTS = 1000
_COVERED = 0.05
_PURPOSEFUL = 0.5
_RARE = 0.05
_SHARED_BY = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """`content`, `times`, `either` count parties that stand out in a view; None where a view cannot tell.

    `size` newest requests of each were compared. `shown` is the mean share of a party's evidence requests that show
    each cue, `covered` the share of the newest requests whose wording binds the group, or that a tenth of it shares.
    """

    size: int
    content: Counted | None
    times: Counted | None
    either: Counted | None
    shown: tuple[float, ...]
    covered: float

    def counted(self, view: str) -> Counted | None:
        """`content`, `times` or `either`."""
        return {"either": self.either, "content": self.content, "times": self.times}[view]

    def is_eligible(self, cue_rates: Sequence[float]) -> bool:
        """Whether what its accounts ask has something in common: wording, or a purpose that honest requests rarely have
        (`cue_rates`).
        """
        purposeful = any(
            share >= _PURPOSEFUL and rate < _RARE for share, rate in zip(self.shown, cue_rates, strict=True)
        )
        return self.covered >= _COVERED or purposeful


class Customers:
    """Who is one customer: accounts that share an organisation or a means of payment, of at most as many accounts as
    the largest honest customer of the reference has. Beyond that it is no customer but a pool, and each account is by
    itself.

    `shared` lists the accounts of each token that several show, as it is at the moment of asking.
    """

    def __init__(self, shared: Mapping[int, Collection[int]], largest: Mapping[Kind, int]) -> None:
        self._shared = shared
        self._largest = largest

    def of(self, account: Account) -> int:
        """A number that accounts of one customer have in common: a token, or below 1 for an account by itself."""
        for token in account.customer:
            if 1 < len(self._shared.get(token, ())) <= self._largest.get(kind_of(token), 1):
                return token
        return -account.index


def look(
    members: Iterable[Account], tokens: Set[int], customers: Customers, sizes: Sequence[int] = SIZES
) -> Look | None:
    """From the members, in an order that says nothing about them, of a group that `tokens` bind; None of fewer than
    `LEAST_PARTIES` with enough requests.

    So many newest requests of each are compared: the largest of `sizes` that half of those with two have.
    """
    by_customer: dict[int, list[Account]] = {}
    for account in members:
        by_customer.setdefault(customers.of(account), []).append(account)
    groups = list(by_customer.values())
    samples = [_newest(party, tokens) for party in groups]
    able = [at for at, sample in enumerate(samples) if len(sample) >= SIZES[0]]
    if len(able) < LEAST_PARTIES:
        return None
    fitting = [size for size in sizes if 2 * sum(len(samples[at]) >= size for at in able) >= len(able)]
    if not fitting:
        return None
    size = max(fitting)
    chosen = [samples[at][-size:] for at in able if len(samples[at]) >= size][: _MOST_REQUESTS // size]
    if len(chosen) < LEAST_PARTIES:
        return None
    content = by_content([[one.content for one in sample] for sample in chosen])
    times = by_times([[one.at for one in sample] for sample in chosen])
    n = len(chosen)
    return Look(
        size=size,
        content=None if content is None else Counted(int(content.outstanding.sum()), n),
        times=None if times is None else Counted(int(times.outstanding.sum()), n),
        either=None
        if content is None or times is None
        else Counted(int((content.outstanding | times.outstanding).sum()), n),
        shown=_shown([groups[at] for at in able]),
        covered=_covered([[one for account in groups[at] for one in account.sample] for at in able], tokens),
    )


def size_of(sample: Sequence[Sampled]) -> int:
    """How many of a sample of two requests or more are compared: the largest of SIZES."""
    return max(size for size in SIZES if size <= len(sample))


def recognisable(
    candidates: Sequence[Sequence[Sampled]], background: Sequence[Sequence[Sampled]], view: str
) -> list[bool | None]:
    """Whether each candidate stands out among the group in the view by which the group was found to be no people.

    `background` has requests of the group's own accounts. None of a candidate with fewer than two requests, and where
    the view cannot tell.
    """
    found: list[bool | None] = [None] * len(candidates)
    for number, size in enumerate(SIZES):
        above = SIZES[number + 1] if number + 1 < len(SIZES) else math.inf
        at = [index for index, sample in enumerate(candidates) if size <= len(sample) < above]
        group = [sample[-size:] for sample in background if len(sample) >= size][: _MOST_REQUESTS // (2 * size)]
        step = _MOST_REQUESTS // (2 * size)
        for start in range(0, len(at), step):
            part = at[start : start + step]
            outstanding = _outstanding([*group, *(candidates[index][-size:] for index in part)], view)
            if outstanding is not None:
                for index, stands_out in zip(part, outstanding[len(group) :].tolist(), strict=True):
                    found[index] = bool(stands_out)
    return found


def _outstanding(samples: Sequence[Sequence[Sampled]], view: str) -> NDArray[np.bool_] | None:
    if len(samples) < LEAST_PARTIES:
        return None
    content = by_content([[one.content for one in sample] for sample in samples]) if view != "times" else None
    times = by_times([[one.at for one in sample] for sample in samples]) if view != "content" else None
    seen = [one.outstanding for one in (content, times) if one is not None]
    return None if not seen else np.logical_or.reduce(seen)


def _newest(party: Sequence[Account], tokens: Set[int]) -> list[Sampled]:
    if len(party) == 1:
        return party[0].newest(tokens)
    return sorted((one for account in party for one in account.newest(tokens)), key=lambda one: one.at)[-SAMPLED:]


def _shown(groups: Sequence[Sequence[Account]]) -> tuple[float, ...]:
    total = [0.0] * len(CUES)
    for party in groups:
        evidence = sum(account.evidence for account in party)
        for at in range(len(CUES)):
            total[at] += sum(account.shown[at] for account in party) / evidence
    return tuple(one / len(groups) for one in total)


def _covered(samples: Sequence[Sequence[Sampled]], tokens: Set[int]) -> float:
    showing: dict[int, set[int]] = {}
    for party, sample in enumerate(samples):
        for one in sample:
            for token in one.wording:
                showing.setdefault(token, set()).add(party)
    least = max(3, _SHARED_BY * len(samples))
    common = {token for token, by in showing.items() if len(by) >= least} | tokens
    requests = [one.wording for sample in samples for one in sample]
    return sum(not common.isdisjoint(wording) for wording in requests) / len(requests)
