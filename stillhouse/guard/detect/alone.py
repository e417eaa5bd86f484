"""Accounts by themselves: the evidence against each (`evidence/own.py`), and decisions under a budget of their own."""

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from stillhouse.guard.access.entities import ACTIONS, Action
from stillhouse.guard.decide.decision import Decision, Review, Taken
from stillhouse.guard.decide.online_budget import OnlineBudget
from stillhouse.guard.detect.account import Account
from stillhouse.guard.detect.elsewhere import people_behind
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import Budgets
from stillhouse.guard.evidence.conduct import ORDINARY, Conduct
from stillhouse.guard.evidence.own import OwnLine, log_e_of_own, own_lines, own_values
from stillhouse.guard.evidence.standing import UNTOLD, Standing
from stillhouse.guard.reference.reference import Reference
from stillhouse.stats.evalue import log_weighted

__all__ = ["HEAVY", "AccountCase", "Alone"]

HEAVY = 32
"""Exchanges from which an account is judged by itself: not looking earlier costs nothing but time."""
_PER_REFERENCE = 2
"""Hypotheses that share the first part of the level, for each account of the reference: a log has more accounts."""


@dataclass(slots=True)
class AccountCase:
    """What is known against one account within one span; `number` counts spans of accounts, `seen` are the maxima that
    it was last ranked by."""

    number: int
    span: int
    seen: "array[float]" = field(default_factory=lambda: array("d"))
    standing: Standing = UNTOLD
    conduct: Conduct = ORDINARY
    lines: tuple[OwnLine, ...] = ()
    log_e: float = -math.inf


class Alone:
    """`cases` and `strongest` by the index of the account: its newest span, and the span with the most evidence.

    `actions` are those that may be taken, with their rates; `taken` is what was done about each account, by whatever
    path.
    """

    def __init__(self, reference: Reference, budgets: Budgets, taken: dict[int, Taken]) -> None:
        self.cases: dict[int, AccountCase] = {}
        self.strongest: dict[int, AccountCase] = {}
        self._reference = reference
        self.actions = budgets.levels()
        self._budget = OnlineBudget(self.actions, _PER_REFERENCE * reference.rarity.accounts)
        self._taken = taken
        self._told: dict[int, tuple[Account, AccountCase]] = {}

    def judge(self, touched: Iterable[Account], last: Row) -> list[Decision]:
        """Decisions after the row `last`, about accounts of `HEAVY` exchanges or more that were touched, and others
        that are decided by how many these are."""
        grown = [case.number for account in touched if (case := self._grown(account)) is not None]
        if not grown:
            return []
        numbers = self._told if self._budget.count() else [number for number in grown if number in self._told]
        made = (self._decide(*self._told[number], last) for number in sorted(numbers))
        return [decision for decision in made if decision is not None]

    def threshold(self, case: AccountCase, action: Action) -> float:
        """What ln e has to reach now."""
        return self._budget.threshold(case.number, action)

    def _grown(self, account: Account) -> AccountCase | None:
        """The account's case if there is more evidence than before."""
        case = self.cases.get(account.index)
        if case is None or case.span != account.span:
            case = self.cases[account.index] = AccountCase(account.number, account.span)
        if not account.closings and account.best == case.seen:
            return None
        case.seen = account.best[:]
        conduct = self._reference.conduct.largest(account.plan, account.closings)
        account.closings.clear()
        if conduct.value >= case.conduct.value and conduct.parts:
            case.conduct = conduct
        case.standing = self._reference.scale.standing(account.maxima())
        case.lines = own_lines(own_values(case.standing, case.conduct), self._reference.places)
        log_e = log_e_of_own(case.lines)
        if log_e <= case.log_e:
            return None
        case.log_e = log_e
        before = self.strongest.get(account.index)
        if before is None or log_e > before.log_e:
            self.strongest[account.index] = case
        if self._budget.note(case.number, log_e):
            self._told[case.number] = account, case
        return case

    def _decide(self, account: Account, case: AccountCase, last: Row) -> Decision | None:
        reached = [action for action in self.actions if self._budget.rejects(case.number, action)]
        action: Action | None = max(reached, key=ACTIONS.index, default=None)
        taken = self._taken.get(account.index)
        if action is None or (taken is not None and ACTIONS.index(taken.action) >= ACTIONS.index(action)):
            return None
        review: Review = "pending" if action == "suspend" else "none"
        self._taken[account.index] = Taken(action, last.at if taken is None else taken.first, review)
        level = math.exp(-self.threshold(case, action))
        because = _because(account, case)
        return Decision(
            last.at, last.id, "account", account.name, [account.name], action, review, case.log_e, level, because
        )


def _because(account: Account, case: AccountCase) -> list[str]:
    """What a person reads first: what is odd, how odd, and what speaks for the account."""
    found = []
    if case.standing.value:
        found.append(f"asks for {case.standing.cue} as one in {math.exp(case.standing.value):,.0f} honest accounts")
    if case.conduct.parts:
        spread, regularity, use = case.conduct.parts
        ratio = case.conduct.usual
        usual = "" if ratio is None else f", {ratio:.1f} times what is usual on the busiest days of its plan"
        found.append(
            f"{use.number:,.0f} requests in a day over {spread.number:.1f} hours, regularity "
            f"{regularity.number:+.2f}{usual}"
        )
    line = max(case.lines, key=lambda one: log_weighted(one.placed.log_e, one.weight))
    placed = line.placed
    how = "modelled" if placed.modelled else "by rank"
    found.append(
        f"{line.name}: place {placed.rank:,} among {placed.honest:,} honest accounts "
        f"(p = {math.exp(placed.log_p):.1e}, {how})"
    )
    return found + people_behind([account])
