"""What a replay found, as the lines of its files."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from stillhouse.guard.access.entities import ACTIONS
from stillhouse.guard.detect.case import Case
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.features.course import Life, course
from stillhouse.guard.features.tokens import kind_of
from stillhouse.guard.link.campaign import Campaign, campaign_id
from stillhouse.guard.link.communities import lift
from stillhouse.guard.link.group import Group
from stillhouse.guard.replay.edges import edges
from stillhouse.guard.replay.shapes import NO_EVIDENCE
from stillhouse.records.times import rfc3339
from stillhouse.stats.evalue import log_weighted

__all__ = ["account_records", "campaign_records", "evidence_records", "own_records", "populated"]

_MOST_BINDING = 5


def account_records(detector: Detector) -> Iterator[Mapping[str, Any]]:
    """One for each account, in the order of their first exchange."""
    campaign_of = {at: campaign.id for campaign in reversed(detector.campaigns.values()) for at in campaign.members}
    log_e = {campaign.id: _finite(detector.strongest(campaign).log_e) for campaign in detector.campaigns.values()}
    for account in detector.population.accounts:
        taken = detector.actions.get(account.index)
        campaign, own = campaign_of.get(account.index), detector.alone.strongest.get(account.index)
        yield {
            "account": account.name,
            "campaign": campaign,
            "exchanges": account.exchanges,
            "log_e": _finite(max(log_e.get(campaign or "", -math.inf), own.log_e if own is not None else -math.inf)),
            "action": "none" if taken is None else taken.action,
            "first_action_time": None if taken is None else rfc3339(taken.first // 1000),
        }


def campaign_records(detector: Detector) -> Iterator[Mapping[str, Any]]:
    """One for each campaign that anybody belongs to; `merged` are those that turned out to be this one."""
    for campaign in populated(detector):
        members = sorted(campaign.members)
        since = [detector.population.accounts[at].since for at in members]
        acted = [taken for at in members if (taken := detector.actions.get(at)) is not None]
        yield {
            "campaign": campaign.id,
            "merged": [campaign_id(number) for number in campaign.merged],
            "accounts": [detector.population.accounts[at].name for at in members],
            "links": edges(detector, campaign),
            "log_e": _finite(detector.strongest(campaign).log_e),
            "action": max((taken.action for taken in acted), key=ACTIONS.index, default="none"),
            "first_seen": rfc3339(min(since) // 1000) if since else None,
            "acted": rfc3339(min(taken.first for taken in acted) // 1000) if acted else None,
        }


def evidence_records(detector: Detector) -> Iterator[Mapping[str, Any]]:
    """For each campaign the groups it is made of: every look, every line of each, and what they add up to."""
    for campaign in populated(detector):
        yield {
            "campaign": campaign.id,
            "accounts": len(campaign.members),
            "course": _course(detector, campaign),
            "groups": [_group(detector, case) for case in detector.cases_of(campaign)],
            "decided_by": detector.strongest(campaign).group.id,
        }


def own_records(detector: Detector) -> Iterator[Mapping[str, Any]]:
    """For each account that was judged by itself: its lines, what they are made of, and what they add up to."""
    for at, case in sorted(detector.alone.strongest.items()):
        account, conduct = detector.population.accounts[at], case.conduct
        yield {
            "account": account.name,
            "span": case.span,
            "log_e": case.log_e,
            "needed": {action: detector.alone.threshold(case, action) for action in detector.alone.actions},
            "asks": {"cue": case.standing.cue, "band": case.standing.band, "surprise": case.standing.value},
            "acts": {
                "plan": conduct.plan,
                "times_usual": conduct.usual,
                "parts": [part._asdict() for part in conduct.parts],
            },
            "lines": [
                {
                    "line": line.name,
                    "value": line.value,
                    "place": line.placed.rank,
                    "honest": line.placed.honest,
                    "log_p": line.placed.log_p,
                    "modelled": line.placed.modelled,
                    "log_e": line.placed.log_e,
                    "weight": line.weight,
                    "adds": math.exp(log_weighted(line.placed.log_e, line.weight)),
                }
                for line in case.lines
            ],
            "also": account.facts(),
        }


def populated(detector: Detector) -> list[Campaign]:
    """Campaigns with members: of a group that was found nobody belongs, where all that it shares is common.

    Whatever a decision was about is one of them, or merged with one: it was about members, and these stay.
    """
    return [campaign for campaign in detector.campaigns.values() if campaign.members]


def _group(detector: Detector, case: Case) -> Mapping[str, Any]:
    leader = case.group.leader
    return {
        "group": case.group.id,
        "kind": case.group.kind,
        "accounts": len(case.group.accounts),
        "tokens": len(case.group.tokens),
        "shares": kind_of(leader).label,
        "in_reference": detector.reference.rarity.count(leader),
        "bound_by": _bound_by(detector, case.group) if case.group.kind == "community" else [],
        "log_e": _finite(case.log_e),
        "looks": [
            {
                "time": rfc3339(judged.at // 1000),
                "log_share_of_level": judged.log_share,
                "covered": judged.look.covered,
                "lines": [
                    {
                        "line": line.name,
                        "log_p": line.log_p,
                        "modelled": line.modelled,
                        "log_e": line.log_e,
                        "weight": line.weight,
                        "adds": math.exp(log_weighted(line.log_e, line.weight) + judged.log_share),
                        "facts": dict(line.facts),
                    }
                    for line in judged.lines
                ],
            }
            for judged in case.looks
        ],
    }


def _course(detector: Detector, campaign: Campaign) -> Mapping[str, Any] | None:
    """How its accounts came and went: facts that are not weighed."""
    members = (detector.population.accounts[at] for at in campaign.members)
    found = course([Life(one.since, one.cadence.newest, one.exchanges, one.cadence.moments) for one in members])
    if found is None:
        return None
    handover = found.handover
    return {
        "ramp": found.ramp,
        "burst": found.burst,
        "failover": None
        if handover is None
        else {
            "accounts": [handover.before, handover.after],
            "over": rfc3339(handover.failover.over // 1000),
            "begun": rfc3339(handover.failover.begun // 1000),
            "log_p": handover.failover.log_p,
        },
    }


def _bound_by(detector: Detector, group: Group) -> list[Mapping[str, Any]]:
    """What binds a community most: how many of its accounts share it, and how much more often it is seen in the log
    than in the reference, in nats."""
    accounts, rarity = detector.population.accounts, detector.reference.rarity
    inside, found = set(group.accounts), []
    for token in group.tokens:
        listed = detector.population.shared.accounts[token]
        more = lift(token, len(listed), len(accounts), rarity)
        found.append((len(inside.intersection(listed)), more, token))
    found.sort(key=lambda one: (-one[0] * one[1], one[2]))
    return [
        {"shares": kind_of(token).label, "accounts": shown, "in_reference": rarity.count(token), "log_lift": more}
        for shown, more, token in found[:_MOST_BINDING]
    ]


def _finite(log_e: float) -> float:
    return max(log_e, NO_EVIDENCE)
