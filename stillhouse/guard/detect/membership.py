"""Who belongs to a campaign: the odds of each account, from what is known of it and of the campaign's groups.

A group that was found to be a queue may have people in it who said the same by chance, and accounts of the campaign
may be in no group. So each account is weighed by itself. The odds begin with the rarest wording that it has shown: as
many accounts of the campaign's groups show it, to as many honest ones as would by chance. Who is in a group showed
that in the half of its requests that links; whoever joins later, in either half, since this decides who is hit under
no error rate and adds nothing to the evidence. In a community, and in a group that no wording binds, they may begin
with the strangers that its persistent parties allow. To these come the ratios of likelihoods, within the groups and
elsewhere, of what its newest requests of the other half show, of its client, and of whether it is recognisable.
Accounts are counted without the one that is weighed, and a request counts once however often the same is said, since
who says a thing once says it again, in a campaign or not.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from scipy.special import betaincinv, expit

from stillhouse.guard.detect.account import Account
from stillhouse.guard.detect.case import Case
from stillhouse.guard.evidence.group import SIZES, size_of
from stillhouse.guard.evidence.nulls import GroupNull
from stillhouse.guard.evidence.persistence import PersistenceNull
from stillhouse.guard.features.exchangeability import LEVEL
from stillhouse.guard.features.tokens import Kind as Token
from stillhouse.guard.features.tokens import kind_of
from stillhouse.guard.link.campaign import Link
from stillhouse.guard.link.group import Kind, is_bound_beside_wording
from stillhouse.guard.link.rarity import Rarity

__all__ = ["Membership", "log_odds"]

_MOST_SHOWING = 0.95
_CONFIDENCE = 0.9
_LEAST = 20
_VOLUME = 10
_VIEWS = {"either": 2, "content": 1, "times": 1}


class Membership:
    """What tells the accounts of a campaign's groups, `core`, from `others`, a sample of all other accounts.

    `cases` are its groups that are queues, the strongest first, `shared` lists the accounts of each token, of
    `population` accounts in all. Wording binds if more accounts of the groups show it than others.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        core: Sequence[Account],
        others: Sequence[Account],
        shared: Mapping[int, Collection[int]],
        population: int,
        nulls: Mapping[Kind, GroupNull],
        rarity: Rarity,
    ) -> None:
        strongest = cases[0]
        self.view, newest = strongest.deciding()
        self._counted = None if newest is None else newest.counted(self.view)
        self._null = nulls[strongest.group.kind]
        self._shared = shared
        self._population = population
        self._rarity = rarity
        self._core = {account.index for account in core}
        self.binding = {
            token: inside
            for token in {token for case in cases for token in case.group.tokens}
            if kind_of(token).is_wording
            and 2 * (inside := len(self._core.intersection(shared[token]))) > len(shared[token])
        }
        self._within: dict[int, float] = {}
        for case in reversed(cases):
            if is_bound_beside_wording(case.group):
                self._within.update(dict.fromkeys(case.group.accounts, _log_odds_within(case, nulls)))
        self._sampled = Counter(token for account in core for token in self._in_sample(account))
        showing, asked = self._showing(core)
        elsewhere, asked_elsewhere = self._showing(others)
        shown, shown_elsewhere = (showing + 0.5) / (asked + 1), (elsewhere + 1) / (asked_elsewhere + 2)
        self._silent = math.log((1 - min(_MOST_SHOWING, shown)) / (1 - shown_elsewhere))
        self._clients = Counter(account.client for account in core)
        self._clients_elsewhere = Counter(account.client for account in others)
        self._sizes = len(core), len(others)

    def links(self, account: Account, tokens: Iterable[int]) -> tuple[Link, ...]:
        """What is known of an account that shows `tokens`, but whether it is recognisable; empty of one that nothing
        binds.
        """
        shown = [token for token in tokens if token in self.binding]
        found = [self._begin(account, token) for token in shown]
        if account.index in self._within:
            found.append(Link("in a group that is a queue", self._within[account.index]))
        if not found:
            return ()
        found = [max(found, key=_by_worth)]
        counted = set(shown)
        for one in account.sample:
            known = [token for token in one.wording if token in self.binding]
            if not known:
                found.append(Link("other wording", self._silent))
            elif counted.isdisjoint(known):
                found += [max((self._shows(account, token) for token in end), key=_by_worth) for end in _ends(known)]
            counted.update(known)
        inside, outside = self._sizes
        client = account.client
        elsewhere = math.log((self._clients_elsewhere[client] + 1) / (outside + 2))
        elsewhere = max(elsewhere, self._rarity.log_share(client))
        own = account.index in self._core
        return *found, Link(
            Token.CLIENT.label, _log_ratio(self._clients[client] - own, inside - own, elsewhere), client
        )

    def recognised(self, account: Account, stands_out: bool | None) -> Link:
        """What it is worth that an account stands out, or does not, or cannot be told."""
        null = self._null.persistence[self.view, size_of(account.sample)] if stands_out is not None else None
        if null is None or self._counted is None:
            return Link("too few requests to be recognised", 0.0)
        people = float(expit(null.mean))
        queue = (self._counted.persistent + 1) / (self._counted.accounts + 2)
        if stands_out:
            return Link("recognisable", min(0.0, math.log(queue / people)))
        return Link("not recognisable", max(0.0, math.log1p(-queue) + _worth_of_none(null)))

    @property
    def most_by_view(self) -> float:
        """The most that `recognised` can be worth."""
        nulls = [self._null.persistence[self.view, size] for size in SIZES]
        return max((_worth_of_none(null) for null in nulls if null is not None), default=0.0)

    def _showing(self, accounts: Iterable[Account]) -> tuple[int, int]:
        """(sampled requests that show binding wording, sampled requests)."""
        wordings = [one.wording for account in accounts for one in account.sample]
        return sum(not self.binding.keys().isdisjoint(wording) for wording in wordings), len(wordings)

    def _begin(self, account: Account, token: int) -> Link:
        """So many accounts of the groups show a wording, to so many honest ones by chance."""
        others = self.binding[token] - (account.index in self._core)
        volume = max(1.0, account.exchanges / _VOLUME)  # who asks more shares more by chance
        by_chance = self._population * math.exp(self._log_elsewhere(token)) * volume
        return Link(kind_of(token).label, math.log(max(others, by_chance / _LEAST) / by_chance), token)

    def _shows(self, account: Account, token: int) -> Link:
        own = account.index in self._core
        showing = self._sampled[token] - (own and token in self._in_sample(account))
        ratio = _log_ratio(showing, self._sizes[0] - own, self._log_elsewhere(token))
        return Link(kind_of(token).label, ratio, token)

    def _in_sample(self, account: Account) -> set[int]:
        return {token for one in account.sample for token in one.wording if token in self.binding}

    def _log_elsewhere(self, token: int) -> float:
        """ln of the share of honest accounts that show it: in the reference, or among the others of today."""
        outside = len(self._shared[token]) - self.binding[token]
        others = self._population - len(self._core)
        return max(self._rarity.log_share(token), math.log((outside + 1) / (others + 2)))


def _ends(tokens: Sequence[int]) -> list[list[int]]:
    """Tokens of a text's beginning, and of its end: two things to have in common, unless the whole is."""
    kinds = [kind_of(token) for token in tokens]
    ending = [token for token, kind in zip(tokens, kinds, strict=True) if kind is Token.ENDING]
    if Token.WORDING in kinds or not ending or len(ending) == len(tokens):
        return [list(tokens)]
    return [[token for token in tokens if token not in ending], ending]


def _worth_of_none(null: PersistenceNull) -> float:
    """-ln of the share of people who are not recognisable; finite also where hardly any is."""
    return float(np.logaddexp(0.0, null.mean))


def _by_worth(link: Link) -> tuple[float, int]:
    return link.log_lr, link.token or 0


def _log_ratio(showing: int, accounts: int, log_elsewhere: float) -> float:
    """ln of the share of a campaign's accounts that show something over the share elsewhere; one account more counts
    as being like those elsewhere.
    """
    return math.log((max(showing, 0) + math.exp(log_elsewhere)) / (accounts + 1)) - log_elsewhere


def log_odds(links: Iterable[Link]) -> float:
    return sum(link.log_lr for link in links)


def _log_odds_within(case: Case, nulls: Mapping[Kind, GroupNull]) -> float:
    """ln of the odds that an account of a group is no stranger in it, by the upper bound of the strangers' share.

    Of a queue's parties a hundredth stand out by chance in each view, of people the mean of honest groups does.
    """
    view, newest = case.deciding()
    counted = None if newest is None else newest.counted(view)
    null = None if newest is None else nulls[case.group.kind].persistence[view, newest.size]
    if counted is None or null is None:
        return 0.0
    k, n = counted.persistent, counted.accounts
    bound = 1.0 if k == n else float(betaincinv(k + 1, n - k, _CONFIDENCE))
    by_chance = _VIEWS[view] * (1 - LEVEL)
    strangers = min(0.5, max((bound - by_chance) / float(expit(null.mean)), 1 / (n + 1)))
    return math.log((1 - strangers) / strangers)
