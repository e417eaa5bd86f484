"""The fold: ordered rows in, decisions out. Live serving, replay and a cluster all run these lines.

Decisions are taken at the end of each tick, about accounts and groups that the tick touched. A group is looked at
when the number of its accounts that can be compared has grown by half since the last look; look j has the share 1 /
((j + 1) (j + 2)) of the level, so that all of them together are one e-value.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stillhouse.guard.access.entities import ACTIONS, Action
from stillhouse.guard.decide.budget import Budget
from stillhouse.guard.decide.decision import Decision, Review
from stillhouse.guard.detect.account import Account, in_order
from stillhouse.guard.detect.population import Grouping, Population
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import Budgets, DetectSettings
from stillhouse.guard.evidence.group import LEAST_PARTIES, SIZES, Customers, Look, look, recognisable
from stillhouse.guard.evidence.horizons import log_share
from stillhouse.guard.evidence.line import Line, log_e_of
from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.evidence.purpose import Purpose
from stillhouse.guard.evidence.queue import may_be_queue
from stillhouse.guard.evidence.standing import maxima_by_band
from stillhouse.guard.features.tokens import kind_of
from stillhouse.guard.link.campaign import Campaign, Membership
from stillhouse.guard.link.families import Family
from stillhouse.guard.reference.reference import Reference
from stillhouse.stats.conformal import conformal_log_p
from stillhouse.stats.evalue import log_e_of_log_p, log_sum_e

__all__ = ["AccountCase", "Case", "Detector", "Judged", "Taken"]

_GROWTH = 1.5
_HEAVY = 64
_TOLD = math.log(20)
_JOINED = 0.5
_UNTOLD = math.log(10)
_BACKGROUND = 120


@dataclass(frozen=True, slots=True)
class Judged:
    """One look at a group: `share` of the level is `log_share`; `log_e` has that in it."""

    at: int
    look: Look
    lines: tuple[Line, ...]
    log_share: float
    log_e: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The strongest action on an account, and when the first one was taken."""

    action: Action
    first: int


@dataclass(slots=True)
class Case:
    """What is known of one group."""

    family: Family
    looks: list[Judged] = field(default_factory=list)
    next_look: int = LEAST_PARTIES
    campaign: Campaign | None = None

    @property
    def log_e(self) -> float:
        """ln of the sum over looks."""
        return log_sum_e(one.log_e for one in self.looks)

    def deciding_view(self) -> str:
        """The view that tells most, in the look that tells most."""
        return self._deciding()[0]

    def is_queue(self) -> bool:
        """Whether as few stand out in that view as would in a queue."""
        _, counted = self._deciding()
        return counted is not None and may_be_queue(counted)

    def _deciding(self) -> tuple[str, Counted | None]:
        strongest = max(self.looks, key=lambda one: one.log_e)
        views = [line for line in strongest.lines if line.name != "purpose"]
        if not views:
            return "either", None
        name = max(views, key=lambda line: line.log_e + math.log(line.weight)).name
        return name, strongest.look.counted(name)

    def told_by_two(self) -> bool:
        """Whether what and when, which share no feature, each tell by themselves in one look."""
        return any(
            sum(line.name in ("content", "times") and line.log_e >= _TOLD for line in one.lines) == 2
            for one in self.looks
        )


@dataclass(slots=True)
class AccountCase:
    """What is known against one account by itself; `seen` are the maxima that it was last ranked by."""

    log_e: float = -math.inf
    seen: list[float] = field(default_factory=list)
    span: int = 0


class Detector:
    """All state of detection. `fold` takes the rows of one tick after the other."""

    def __init__(self, reference: Reference, settings: DetectSettings) -> None:
        self.reference = reference
        self.population = Population(
            reference.key, Purpose(reference.cue_rates), reference.span, reference.rarity.common()
        )
        self.campaigns: list[Campaign] = []
        self.cases: dict[int, Case] = {}
        self.actions: dict[int, Taken] = {}
        self._settings = settings
        self._grouping = Grouping(self.population)
        self._customers = Customers(self.population.shared.accounts, reference.rarity.largest_customer())
        self._actions = _levels(settings.campaigns)
        self._budget = Budget(self._actions)
        self.standings: dict[int, AccountCase] = {}
        self._account_actions = _levels(settings.accounts)
        self._account_budget = Budget(self._account_actions)
        self._of_token: dict[int, Campaign] = {}
        self._membership: dict[int, Membership] = {}

    def fold(self, tick: Sequence[Row]) -> list[Decision]:
        """Count a tick's rows and decide. `tick` is not empty and comes after all earlier ones."""
        listed: dict[int, None] = {}
        shown: dict[int, set[int]] = {}
        heavy: dict[int, None] = {}
        for row in tick:
            account, tokens = self.population.add(row)
            if account.exchanges >= _HEAVY:
                heavy[account.index] = None
            for token in tokens:
                listed[token] = None
            if self._of_token:
                known = [token for token in row.wording if token in self._of_token]
                if known:
                    shown.setdefault(account.index, set()).update(known)
        touched = self._grouping.place(listed)
        cases = [self.cases.setdefault(family.number, Case(family)) for family in touched]
        found = [case for case in cases if self._look(case, tick[-1].at)]
        self._join(shown)
        last = tick[-1]
        decisions = [one for campaign in self._changed(found, shown) for one in self._decide(campaign, last)]
        return decisions + [one for at in heavy for one in self._judge(self.population.accounts[at], last)]

    def _look(self, case: Case, at: int) -> bool:
        """Look at a group if it has grown enough; whether it was."""
        accounts = self.population.accounts
        able = sum(len(accounts[index].sample) >= SIZES[0] for index in case.family.accounts)
        if able < case.next_look:
            return False
        case.next_look = math.ceil(able * _GROWTH)
        members = in_order(accounts[index] for index in case.family.accounts)
        seen = look(members, self._customers, self.reference.groups.sizes)
        if seen is None or not seen.is_eligible:
            return False
        subject = str(case.family.number)
        if not case.looks:
            self._budget.open(subject)
        share = log_share(len(case.looks))
        lines = tuple(self.reference.groups.lines(seen))
        case.looks.append(Judged(at, seen, lines, share, log_e_of(lines, share)))
        return True

    def _join(self, shown: dict[int, set[int]]) -> None:
        """Accounts of this tick that showed a campaign's wording, whichever half showed it."""
        by_campaign: dict[int, dict[int, set[int]]] = {}
        for at, tokens in shown.items():
            for token in tokens:
                by_campaign.setdefault(self._of_token[token].number, {}).setdefault(at, set()).add(token)
        for number in sorted(by_campaign):
            self._admit(self.campaigns[number - 1], by_campaign[number])

    def _admit(self, campaign: Campaign, candidates: Mapping[int, Iterable[int]]) -> None:
        """Accounts that share enough with the campaign, and are not recognisable where its own accounts are not.

        An account with too few requests to be recognised has to share `_UNTOLD` nats more.
        """
        accounts, membership = self.population.accounts, self._membership[campaign.number]
        linked = {
            at: links
            for at, tokens in candidates.items()
            if at not in campaign.members
            and (links := membership.links(accounts[at], tokens))
            and sum(link.log_lr for link in links) >= self._settings.membership
        }
        if not linked:
            return
        case = self.strongest(campaign)
        background = in_order(accounts[at] for at in case.family.accounts)[:_BACKGROUND]
        told = recognisable(
            [accounts[at].sample for at in linked], [account.sample for account in background], case.deciding_view()
        )
        for (at, links), stands_out in zip(linked.items(), told, strict=True):
            needed = self._settings.membership + (_UNTOLD if stands_out is None else 0.0)
            if not stands_out and sum(link.log_lr for link in links) >= needed:
                campaign.members[at] = links

    def _changed(self, found: Iterable[Case], shown: dict[int, set[int]]) -> list[Campaign]:
        """Campaigns that this tick may have something to decide about, in the order of their numbers."""
        changed = {
            campaign.number: campaign
            for at, tokens in shown.items()
            for campaign in (self._of_token[token] for token in tokens)
            if at in campaign.members
        }
        for case in found:
            if self._budget.rejects(str(case.family.number), "observe", case.log_e):
                campaign = self._campaign(case)
                changed[campaign.number] = campaign
        return [changed[number] for number in sorted(changed)]

    def _campaign(self, case: Case) -> Campaign:
        """The campaign of a group that is one: a new one, or the one that has half of its accounts already."""
        campaign = case.campaign
        if campaign is None:
            accounts = case.family.accounts
            for other in self.campaigns:
                if sum(at in other.members for at in accounts) >= _JOINED * len(accounts):
                    campaign = other
                    break
            else:
                campaign = Campaign(len(self.campaigns) + 1)
                self.campaigns.append(campaign)
                self._budget.discovered()
            case.campaign = campaign
            campaign.families.append(case.family)
        self._recount(campaign)
        return campaign

    def _recount(self, campaign: Campaign) -> None:
        """Who belongs, now that the campaign's groups have grown."""
        accounts, shared = self.population.accounts, self.population.shared.accounts
        core = sorted({at for family in campaign.families for at in family.accounts})
        tokens = campaign.tokens()
        self._membership[campaign.number] = Membership(
            [accounts[at] for at in core], tokens, shared, self.reference.rarity
        )
        for token in tokens:
            self._of_token.setdefault(token, campaign)
        self._admit(campaign, {at: accounts[at].linked for at in core})

    def _decide(self, campaign: Campaign, last: Row) -> list[Decision]:
        reached = [
            (ACTIONS.index(action), -case.family.number, action, case)
            for case in self.cases_of(campaign)
            for action in ACTIONS
            if action in self._actions
            and (action == "observe" or case.is_queue())
            and self._budget.rejects(str(case.family.number), action, case.log_e)
        ]
        if not reached:
            return []
        rank, _, action, case = max(reached, key=lambda one: one[:2])
        new = [at for at in campaign.members if at not in self.actions or ACTIONS.index(self.actions[at].action) < rank]
        if not new:
            return []
        for at in new:
            before = self.actions.get(at)
            self.actions[at] = Taken(action, last.at if before is None else before.first)
        review: Review = "none" if action != "suspend" or case.told_by_two() else "pending"
        level = math.exp(-self._budget.threshold(str(case.family.number), action))
        names = [self.population.accounts[at].name for at in sorted(new)]
        because = _because(case)
        return [Decision(last.at, last.id, "campaign", campaign.id, names, action, review, case.log_e, level, because)]

    def _judge(self, account: Account, last: Row) -> list[Decision]:
        """An account by itself, once it has asked enough to be told from others: its standing among honest ones."""
        if account.index not in self.standings:
            self.standings[account.index] = AccountCase()
            self._account_budget.open(account.name)
        case = self.standings[account.index]
        if account.best == case.seen and account.span == case.span:
            return []
        case.seen, case.span = list(account.best), account.span
        standing = self.reference.scale.standing(maxima_by_band(account.closed, account.best))
        log_p = conformal_log_p(standing.value, self.reference.standings)
        log_e = log_e_of_log_p(log_p) + log_share(account.span)
        if log_e <= case.log_e:
            return []
        case.log_e = log_e
        reached = [a for a in self._account_actions if self._account_budget.rejects(account.name, a, log_e)]
        action: Action | None = max(reached, key=ACTIONS.index, default=None)
        taken = self.actions.get(account.index)
        if action is None or (taken is not None and ACTIONS.index(taken.action) >= ACTIONS.index(action)):
            return []
        self.actions[account.index] = Taken(action, last.at if taken is None else taken.first)
        level = math.exp(-self._account_budget.threshold(account.name, action))
        because = [
            f"cue {standing.cue}: stands out among {len(self.reference.standings):,} honest accounts "
            f"(p = {math.exp(log_p):.1e}, by rank)"
        ]
        review: Review = "pending" if action == "suspend" else "none"
        return [
            Decision(last.at, last.id, "account", account.name, [account.name], action, review, log_e, level, because)
        ]

    def cases_of(self, campaign: Campaign) -> list[Case]:
        """The groups that it is made of."""
        return [self.cases[family.number] for family in campaign.families]

    def strongest(self, campaign: Campaign) -> Case:
        """The group with the most evidence."""
        return max(self.cases_of(campaign), key=lambda case: (case.log_e, -case.family.number))


def _levels(budgets: Budgets) -> dict[Action, float]:
    given: dict[str, float | None] = budgets.model_dump()
    return {action: level for action in ACTIONS if (level := given.get(action)) is not None}


def _because(case: Case) -> list[str]:
    """What a person reads first: who is alike in what, and the lines that tell most, in words."""
    strongest = max(case.looks, key=lambda one: one.log_e)
    seen = strongest.look
    found = [
        f"{len(case.family.accounts)} accounts share {kind_of(case.family.leader).label}, "
        f"{seen.covered:.0%} of their requests have wording in common"
    ]
    for line in strongest.lines:
        facts = line.facts
        if line.name == "purpose":
            found.append(f"purpose: {facts['share']:.0%} of requests show the cue {facts['cue']} (p = {_p(line)})")
        else:
            found.append(
                f"{_VIEWS[line.name]}: {facts['persistent']} of {facts['parties']} parties are recognisable, "
                f"{facts['requests_each']} requests each (p = {_p(line)}, modelled)"
            )
    return found


_VIEWS = {"either": "by words or times", "content": "by words", "times": "by times"}


def _p(line: Line) -> str:
    return f"{math.exp(line.log_p):.1e}"
