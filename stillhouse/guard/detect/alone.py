"""Accounts by themselves: who asks enough to be told from others is ranked by his standing among honest accounts."""

import math
from dataclasses import dataclass, field

from stillhouse.guard.access.entities import ACTIONS, Action
from stillhouse.guard.decide.budget import Budget
from stillhouse.guard.decide.decision import Decision, Review, Taken
from stillhouse.guard.detect.account import Account
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import Budgets
from stillhouse.guard.evidence.horizons import log_share
from stillhouse.guard.evidence.standing import maxima_by_band
from stillhouse.guard.reference.reference import Reference
from stillhouse.stats.conformal import conformal_log_p
from stillhouse.stats.evalue import log_e_of_log_p

__all__ = ["HEAVY", "AccountCase", "Alone"]

HEAVY = 64
"""Exchanges from which an account is judged by itself."""


@dataclass(slots=True)
class AccountCase:
    """What is known against one account by itself; `seen` are the maxima that it was last ranked by."""

    log_e: float = -math.inf
    seen: list[float] = field(default_factory=list)
    span: int = 0


class Alone:
    """`cases` by the index of the account. `actions` is what was done about each account, by whatever path."""

    def __init__(self, reference: Reference, budgets: Budgets, actions: dict[int, Taken]) -> None:
        self.cases: dict[int, AccountCase] = {}
        self._reference = reference
        self._levels = budgets.levels()
        self._budget = Budget(self._levels)
        self._taken = actions

    def judge(self, account: Account, last: Row) -> Decision | None:
        """A decision about an account of `HEAVY` exchanges or more, if there is a new one after the row `last`."""
        if account.index not in self.cases:
            self.cases[account.index] = AccountCase()
            self._budget.open(account.name)
        case = self.cases[account.index]
        if account.best == case.seen and account.span == case.span:
            return None
        case.seen, case.span = list(account.best), account.span
        standing = self._reference.scale.standing(maxima_by_band(account.closed, account.best))
        log_p = conformal_log_p(standing.value, self._reference.standings)
        log_e = log_e_of_log_p(log_p) + log_share(account.span)
        if log_e <= case.log_e:
            return None
        case.log_e = log_e
        reached = [a for a in self._levels if self._budget.rejects(account.name, a, log_e)]
        action: Action | None = max(reached, key=ACTIONS.index, default=None)
        taken = self._taken.get(account.index)
        if action is None or (taken is not None and ACTIONS.index(taken.action) >= ACTIONS.index(action)):
            return None
        self._taken[account.index] = Taken(action, last.at if taken is None else taken.first)
        level = math.exp(-self._budget.threshold(account.name, action))
        because = [
            f"cue {standing.cue}: stands out among {len(self._reference.standings):,} honest accounts "
            f"(p = {math.exp(log_p):.1e}, by rank)"
        ]
        review: Review = "pending" if action == "suspend" else "none"
        return Decision(
            last.at, last.id, "account", account.name, [account.name], action, review, log_e, level, because
        )
