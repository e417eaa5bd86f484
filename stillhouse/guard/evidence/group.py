"""A look at one group: is it made of people, and what does it want? Computed from the evidence half alone.

What is compared are *parties*: an account, or all accounts of one customer, who may share his work among them openly.
Groups whose requests have no wording in common are passed over, such as the customers of one relay or the neighbours
behind one address: what links those says nothing about what they ask.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stillhouse.guard.detect.account import SAMPLED, Account, Sampled
from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.features.cues import CUES
from stillhouse.guard.features.exchangeability import by_content, by_times
from stillhouse.guard.features.tokens import Kind, kind_of

__all__ = ["LEAST_PARTIES", "SIZES", "Customers", "Look", "look"]

LEAST_PARTIES = 16
SIZES = (2, 3, 4, 6)
"""How many newest requests of each party are compared. More say more, and fewer accounts have them."""
_MOST_REQUESTS = 1000
_COVERED = 0.05
_SHARED_BY = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """`content`, `times`, `either` count parties that stand out in a view; None where a view cannot tell.

    `size` newest requests of each were compared. `shown` is the mean share of a party's evidence requests that show
    each cue, `covered` the share of the sampled requests whose wording a tenth of the group shares.
    """

    accounts: int
    size: int
    content: Counted | None
    times: Counted | None
    either: Counted | None
    shown: tuple[float, ...]
    covered: float

    @property
    def is_eligible(self) -> bool:
        return self.covered >= _COVERED


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


def look(members: Iterable[Account], customers: Customers, size: int | None = None) -> Look | None:
    """From the members in an order that says nothing about them; None of fewer than `LEAST_PARTIES` with enough
    requests.

    `size` newest requests of each are compared; None takes the largest that half of those with two have.
    """
    by_customer: dict[int, list[Account]] = {}
    for account in members:
        by_customer.setdefault(customers.of(account), []).append(account)
    groups = list(by_customer.values())
    samples = [_newest(party) for party in groups]
    able = [at for at, sample in enumerate(samples) if len(sample) >= SIZES[0]]
    if len(able) < LEAST_PARTIES:
        return None
    if size is None:
        size = max(size for size in SIZES if 2 * sum(len(samples[at]) >= size for at in able) >= len(able))
    chosen = [samples[at][-size:] for at in able if len(samples[at]) >= size][: _MOST_REQUESTS // size]
    if len(chosen) < LEAST_PARTIES:
        return None
    content = by_content([[one.content for one in sample] for sample in chosen])
    times = by_times([[one.at for one in sample] for sample in chosen])
    n = len(chosen)
    return Look(
        accounts=sum(map(len, groups)),
        size=size,
        content=None if content is None else Counted(int(content.outstanding.sum()), n),
        times=None if times is None else Counted(int(times.outstanding.sum()), n),
        either=None
        if content is None or times is None
        else Counted(int((content.outstanding | times.outstanding).sum()), n),
        shown=_shown([groups[at] for at in able]),
        covered=_covered([samples[at] for at in able]),
    )


def _newest(party: Sequence[Account]) -> list[Sampled]:
    if len(party) == 1:
        return party[0].sample
    return sorted((one for account in party for one in account.sample), key=lambda one: one.at)[-SAMPLED:]


def _shown(groups: Sequence[Sequence[Account]]) -> tuple[float, ...]:
    total = [0.0] * len(CUES)
    for party in groups:
        evidence = sum(account.evidence for account in party)
        for at in range(len(CUES)):
            total[at] += sum(account.shown[at] for account in party) / evidence
    return tuple(one / len(groups) for one in total)


def _covered(samples: Sequence[Sequence[Sampled]]) -> float:
    showing: dict[int, set[int]] = {}
    for party, sample in enumerate(samples):
        for one in sample:
            for token in one.wording:
                showing.setdefault(token, set()).add(party)
    least = max(3, _SHARED_BY * len(samples))
    common = {token for token, by in showing.items() if len(by) >= least}
    requests = [one.wording for sample in samples for one in sample]
    return sum(not common.isdisjoint(wording) for wording in requests) / len(requests)
