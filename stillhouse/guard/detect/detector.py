"""The fold: ordered rows in, decisions out. Live serving, replay and a cluster all run these lines.

Decisions are taken at the end of each tick, about accounts and groups that the tick touched. A group is looked at
each time the number of its accounts that can be compared has doubled; the looks share the level, so that all of them
together are one e-value. Groups of one wording and communities
have half of each budget each: there are many of the former, and their number would cost the latter their level.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from stillhouse.guard.access.entities import ACTIONS, Action
from stillhouse.guard.decide.budget import Budget
from stillhouse.guard.decide.decision import Decision, Review, Taken
from stillhouse.guard.detect.account import in_order
from stillhouse.guard.detect.alone import HEAVY, Alone
from stillhouse.guard.detect.case import Case, Judged
from stillhouse.guard.detect.elsewhere import people_behind
from stillhouse.guard.detect.membership import Membership, log_odds
from stillhouse.guard.detect.population import Grouping, Population
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.evidence.group import LEAST_PARTIES, SIZES, Customers, look, recognisable
from stillhouse.guard.evidence.horizons import doublings, log_share_of_look
from stillhouse.guard.evidence.line import log_e_of
from stillhouse.guard.link.campaign import Campaign
from stillhouse.guard.link.communities import Communities
from stillhouse.guard.link.group import KINDS, Group
from stillhouse.guard.reference.reference import Reference

__all__ = ["Detector"]

_JOINED = 0.5
_MILD: tuple[Action, ...] = ("observe", "slow", "strip")
_BACKGROUND = 120
_OTHERS = 2000


class Detector:
    """All state of detection. `fold` takes the rows of one tick after the other."""

    def __init__(self, reference: Reference, settings: DetectSettings) -> None:
        self.reference = reference
        self.population = Population(reference.key, reference.span, reference.rarity.common())
        self.campaigns: dict[int, Campaign] = {}
        self.cases: dict[str, Case] = {}
        self.actions: dict[int, Taken] = {}
        self._settings = settings
        self._grouping = Grouping(self.population)
        self._communities = Communities(reference.rarity)
        self._customers = Customers(self.population.shared.accounts, reference.rarity.largest_customer())
        self._actions = settings.campaigns.levels()
        self._mildest = next(iter(self._actions), None)
        halves = {action: level / len(KINDS) for action, level in self._actions.items()}
        self._budgets = {kind: Budget(halves) for kind in KINDS}
        self.alone = Alone(reference, settings.accounts, self.actions)
        self._made = 0
        self._of_token: dict[int, Campaign] = {}
        self._membership: dict[int, Membership] = {}

    def fold(self, tick: Sequence[Row]) -> list[Decision]:
        """Count a tick's rows and decide. `tick` is not empty and comes after all earlier ones."""
        listed: dict[int, None] = {}
        shown: dict[int, set[int]] = {}
        heavy: dict[int, None] = {}
        for row in tick:
            account, tokens = self.population.add(row)
            if account.exchanges >= HEAVY:
                heavy[account.index] = None
            for token in tokens:
                listed[token] = None
            if self._of_token:
                known = [token for token in row.wording if token in self._of_token]
                if known:
                    shown.setdefault(account.index, set()).update(known)
        last = tick[-1]
        found = [case for case in self._touched(listed) if self._look(case, last.at)]
        decisions: list[Decision] = []
        for campaign in self._changed(found, self._join(shown)):
            decisions += self._decide(campaign, last)
        return decisions + self.alone.judge([self.population.accounts[at] for at in heavy], last)

    def _touched(self, listed: Iterable[int]) -> list[Case]:
        """Cases of groups that may have grown by what was listed."""
        shared = self.population.shared
        groups: list[Group] = [*self._grouping.place(listed)]
        groups += self._communities.place(shared.accounts, shared.listings, len(self.population.accounts))
        return [self.cases.setdefault(group.id, Case(group)) for group in groups]

    def _look(self, case: Case, at: int) -> bool:
        """Look at a group if it has grown enough; whether it was."""
        accounts, group = self.population.accounts, case.group
        if doublings(len(group.accounts), LEAST_PARTIES) <= case.doubling:
            return False
        able = sum(len(accounts[index].sample) >= SIZES[0] for index in group.accounts)
        doubling = doublings(able, LEAST_PARTIES)
        if doubling <= case.doubling:
            return False
        case.doubling = doubling
        null = self.reference.groups[group.kind]
        members = in_order(accounts[index] for index in group.accounts)
        seen = look(members, frozenset(group.tokens), self._customers, null.sizes)
        if seen is None or not seen.is_eligible(self.reference.cue_rates):
            return False
        if not case.looks:
            self._budgets[group.kind].open(group.id)
        share = log_share_of_look(doubling)
        lines = tuple(null.lines(seen))
        case.looks.append(Judged(at, seen, lines, share, log_e_of(lines, share)))
        return True

    def _join(self, shown: dict[int, set[int]]) -> set[int]:
        """Admit accounts of this tick that showed a campaign's wording, whichever half showed it; the numbers of the
        campaigns that have more of them now.
        """
        by_campaign: dict[int, dict[int, set[int]]] = {}
        for at, tokens in shown.items():
            for token in tokens:
                by_campaign.setdefault(self._of_token[token].number, {}).setdefault(at, set()).add(token)
        return {number for number in sorted(by_campaign) if self._admit(self.campaigns[number], by_campaign[number])}

    def _admit(self, campaign: Campaign, candidates: Mapping[int, Iterable[int]]) -> bool:
        """Those whose log odds of being the campaign's are above `likely`; whether there were any."""
        accounts, membership = self.population.accounts, self._membership[campaign.number]
        likely, sure = self._settings.likely, self._settings.membership
        linked = {
            at: links
            for at, tokens in candidates.items()
            if log_odds(campaign.members.get(at, ())) < sure
            and (links := membership.links(accounts[at], tokens))
            and log_odds(links) + membership.most_by_view >= likely
        }
        if not linked:
            return False
        case = self.strongest(campaign)
        background = in_order(accounts[at] for at in case.group.accounts)[:_BACKGROUND]
        told = recognisable(
            [accounts[at].sample for at in linked],
            [account.newest(membership.binding.keys()) for account in background],
            membership.view,
        )
        admitted = False
        for (at, links), stands_out in zip(linked.items(), told, strict=True):
            found = (*links, membership.recognised(accounts[at], stands_out))
            if log_odds(found) >= likely:
                campaign.members[at] = found
                admitted = True
        return admitted

    def _changed(self, found: Iterable[Case], joined: set[int]) -> list[Campaign]:
        """Campaigns that this tick may have something to decide about, in the order of their numbers."""
        grown = [self._campaign(case) for case in found if self._is_found(case)]
        numbers = {campaign.number for campaign in grown if campaign.number in self.campaigns}
        for number in sorted(numbers):
            self._recount(self.campaigns[number])
        return [self.campaigns[number] for number in sorted(numbers | joined) if number in self.campaigns]

    def _campaign(self, case: Case) -> Campaign:
        """The campaign of a group that is one: a new one, or those that have half of its accounts or half of theirs in
        it, which are one campaign from now on.
        """
        campaign = case.campaign
        if campaign is None:
            accounts = set(case.group.accounts)
            known = [
                one
                for one in self.campaigns.values()
                if len(accounts.intersection(one.members)) >= _JOINED * min(len(accounts), max(1, len(one.members)))
            ]
            if known:
                campaign = known[0]
                for other in known[1:]:
                    self._merge(campaign, other)
            else:
                self._made += 1
                campaign = self.campaigns[self._made] = Campaign(self._made)
                self._budgets[case.group.kind].discovered()
            case.campaign = campaign
            campaign.groups.append(case.group)
        return campaign

    def _merge(self, campaign: Campaign, other: Campaign) -> None:
        for case in self.cases_of(other):
            case.campaign = campaign
        for token, found in self._of_token.items():
            if found is other:
                self._of_token[token] = campaign
        campaign.absorb(other)
        del self.campaigns[other.number]
        self._membership.pop(other.number, None)

    def _recount(self, campaign: Campaign) -> None:
        """Who belongs, now that the campaign's groups have grown."""
        accounts, shared = self.population.accounts, self.population.shared.accounts
        cases = sorted(self.cases_of(campaign), key=lambda case: (-case.log_e, case.group.id))
        cases = [case for case in cases if case.is_queue()] or cases[:1]
        core = {at for case in cases for at in case.group.accounts}
        others = [account for account in accounts if account.index not in core]
        membership = self._membership[campaign.number] = Membership(
            cases,
            [accounts[at] for at in sorted(core)],
            others[:: 1 + len(others) // _OTHERS],
            shared,
            len(accounts),
            self.reference.groups,
            self.reference.rarity,
        )
        for token in membership.binding:
            self._of_token.setdefault(token, campaign)
        self._admit(campaign, {at: accounts[at].linked for at in sorted(core)})

    def _decide(self, campaign: Campaign, last: Row) -> list[Decision]:
        """What the evidence reaches, on the accounts that are surely the campaign's, and the mild part of it on those
        that only likely are.
        """
        reached = [
            (ACTIONS.index(action), case.log_e, action, case)
            for case in self.cases_of(campaign)
            for action in self._actions
            if (action == "observe" or case.is_queue()) and self._rejects(case, action)
        ]
        sure: list[int] = []
        likely: list[int] = []
        for at, links in campaign.members.items():
            (sure if log_odds(links) >= self._settings.membership else likely).append(at)
        decisions: list[Decision] = []
        for members, allowed in ((sure, ACTIONS), (likely, _MILD)):
            strongest = max((one for one in reached if one[2] in allowed), key=lambda one: one[:2], default=None)
            if strongest is not None:
                decisions += self._take(campaign, members, strongest[2], strongest[3], last)
        return decisions

    def _take(self, campaign: Campaign, members: list[int], action: Action, case: Case, last: Row) -> list[Decision]:
        """The decision about those members on whom nothing as strong was taken before; none without any."""
        rank = ACTIONS.index(action)
        new = [at for at in members if at not in self.actions or ACTIONS.index(self.actions[at].action) < rank]
        if not new:
            return []
        review: Review = "none" if action != "suspend" or case.told_by_two() else "pending"
        for at in new:
            before = self.actions.get(at)
            self.actions[at] = Taken(action, last.at if before is None else before.first, review)
        budget = self._budgets[case.group.kind]
        budget.took(case.group.id, action)
        level = math.exp(-budget.threshold(case.group.id, action))
        hit = [self.population.accounts[at] for at in sorted(new)]
        because = case.because(self.reference.cue_rates) + people_behind(hit)
        names = [one.name for one in hit]
        return [Decision(last.at, last.id, "campaign", campaign.id, names, action, review, case.log_e, level, because)]

    def _is_found(self, case: Case) -> bool:
        """Whether it is a campaign's: whether the evidence reaches the mildest action that may be taken."""
        return self._mildest is not None and self._rejects(case, self._mildest)

    def _rejects(self, case: Case, action: Action) -> bool:
        """Whether the evidence against a group reaches the level of an action."""
        return self._budgets[case.group.kind].rejects(case.group.id, action, case.log_e)

    def cases_of(self, campaign: Campaign) -> list[Case]:
        """The groups that it is made of."""
        return [self.cases[group.id] for group in campaign.groups]

    def strongest(self, campaign: Campaign) -> Case:
        """The group with the most evidence."""
        return max(self.cases_of(campaign), key=lambda case: (case.log_e, case.group.id))
