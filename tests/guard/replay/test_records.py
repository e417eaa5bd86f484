"""Lines of a replay's files that the composed world does not come to."""

import math

import pytest

from stillhouse.guard.detect.case import Case
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.campaign import Campaign, Link
from stillhouse.guard.link.communities import Community
from stillhouse.guard.link.families import Family
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.edges import edges
from stillhouse.guard.replay.explain_decisions import linked_by
from stillhouse.guard.replay.records import campaign_records, evidence_records
from tests.guard.detection import row
from tests.guard.world import World

WORDING, OPENING, CLOSING = token(Kind.WORDING, 1), token(Kind.OPENING, 2), token(Kind.ENDING, 3)
CLIENT = token(Kind.CLIENT, 4)


def test_a_campaign_that_nobody_belongs_to_has_no_line(world: World) -> None:
    """A group was found whose accounts share nothing rare, as where a campaign inside the reference made it common."""
    detector = Detector(load(world.reference), world.settings)
    detector.campaigns[1] = Campaign(1)
    assert list(campaign_records(detector)) == list(evidence_records(detector)) == []


def test_a_campaign_lists_those_that_it_was_merged_with(world: World) -> None:
    detector = Detector(load(world.reference), world.settings)
    detector.fold([row(f"x{n}", n, f"a{n}", evidence=False, wording=(WORDING,)) for n in range(3)])
    family = Family(0, WORDING, [0, 1, 2])
    detector.cases[family.id] = Case(family)
    links = (Link("same wording", 7.0, WORDING),)
    detector.campaigns[2] = Campaign(2, [family], {0: links, 1: links}, [5, 3])
    (found,) = campaign_records(detector)
    assert (found["campaign"], found["merged"]) == ("c00002", ["c00005", "c00003"])


def test_an_edge_leads_to_another_account_that_has_the_same_thing(world: World) -> None:
    """To one of the campaign, where there is one."""
    detector = Detector(load(world.reference), world.settings)
    rows = [row(f"x{n}", n, f"a{n}", evidence=False, wording=(WORDING,)) for n in range(4)]
    rows += [row(f"y{n}", 4 + n, f"a{n}", evidence=False, wording=(OPENING,)) for n in (1, 3)]
    detector.fold([*rows, *(row(f"z{n}", 6 + n, f"a{4 + n}") for n in range(3))])
    community = Community(0, [4, 5], [CLOSING])
    within, client = Link("in a group that is a queue", 5.0), Link("same client and settings", 2.0, CLIENT)
    members = {
        0: (Link("same wording", 7.0, WORDING), client),
        2: (Link("same wording", 7.5, WORDING),),
        3: (Link("same opening words", 7.0, OPENING),),
        4: (within, client),
        6: (within, client),
    }
    campaign = Campaign(1, [Family(0, WORDING, [0, 1, 2, 3]), community], members)
    found = edges(detector, campaign)
    ends = [(one["a"], one["b"], one["shares"], one["group"]) for one in found]
    assert ends == [
        ("a0", "a2", "same wording", None),
        ("a2", "a0", "same wording", None),
        ("a3", "a1", "same opening words", None),
        ("a4", "a5", None, "m0"),
        ("a6", "a0", None, None),
    ]
    assert found[0]["because"] == [
        f"same wording {WORDING:016x}: +7.00",
        f"same client and settings {CLIENT:016x}: +2.00",
    ]
    assert found[3]["because"][0] == "in a group that is a queue: +5.00"
    assert [one["log_lr"] for one in found] == [9.0, 7.5, 7.0, 7.0, 7.0]
    said = [
        "same wording",
        "same wording",
        "same opening words",
        "both in group m0",
        "in a group that was divided anew since",
    ]
    assert [linked_by(one) for one in found] == said
    # The only member left leads to another account of its campaign's groups.
    (alone,) = edges(detector, Campaign(2, [Family(0, WORDING, [0, 1])], {6: (within, client)}))
    assert (alone["a"], alone["b"], alone["shares"], alone["group"]) == ("a6", "a0", None, None)


def test_a_community_is_told_by_what_binds_it_most(world: World) -> None:
    """Three of six accounts show the one, two the other, and nobody of the reference either."""
    detector = Detector(load(world.reference), world.settings)
    rows = [row(f"x{n}", n, f"a{n}", evidence=False, wording=(WORDING,)) for n in range(3)]
    rows += [row(f"y{n}", 3 + n, f"a{n}", evidence=False, wording=(OPENING,)) for n in (1, 4, 5)]
    detector.fold(rows)
    community = Community(0, [0, 1, 2, 4], [OPENING, WORDING])
    detector.cases[community.id] = Case(community)
    detector.campaigns[1] = Campaign(1, [community], {0: (Link("same wording", 7.0, WORDING),)})
    (record,) = evidence_records(detector)
    (group,) = record["groups"]
    honest = detector.reference.rarity.accounts
    more = pytest.approx(math.log((3 / 5) / (2 / (honest + 2))))
    assert group["bound_by"] == [
        {"shares": "same wording", "accounts": 3, "in_reference": 1, "log_lift": more},
        {"shares": "same opening words", "accounts": 2, "in_reference": 1, "log_lift": more},
    ]
