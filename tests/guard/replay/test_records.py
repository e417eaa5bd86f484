"""Lines of a replay's files that the composed world does not come to."""

from stillhouse.guard.detect.case import Case
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.campaign import Campaign, Link
from stillhouse.guard.link.families import Family
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.records import campaign_records, evidence_records
from tests.guard.detection import row
from tests.guard.world import World

WORDING = token(Kind.WORDING, 1)


def test_a_campaign_that_nobody_belongs_to_has_no_line(world: World) -> None:
    """A group was found whose accounts share nothing rare, as where a campaign inside the reference made it common."""
    detector = Detector(load(world.reference), world.settings)
    detector.campaigns[1] = Campaign(1)
    assert list(campaign_records(detector)) == list(evidence_records(detector)) == []


def test_a_campaign_lists_those_that_it_was_merged_with(world: World) -> None:
    detector = Detector(load(world.reference), world.settings)
    detector.fold([row(f"x{n}", n, f"a{n}") for n in range(3)])
    family = Family(0, WORDING, [0, 1, 2])
    detector.cases[family.id] = Case(family)
    links = (Link("same wording", 7.0, WORDING),)
    detector.campaigns[2] = Campaign(2, [family], {0: links, 1: links}, [5, 3])
    (found,) = campaign_records(detector)
    assert (found["campaign"], found["merged"]) == ("c00002", ["c00005", "c00003"])
