"""Records of what a replay found."""

from stillhouse.guard.detect.case import Case
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.link.campaign import Campaign
from stillhouse.guard.link.families import Family
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.records import campaign_records
from tests.guard.world import World


def test_a_campaign_whose_accounts_cannot_be_told_from_others_is_recorded_without_any(world: World) -> None:
    detector, family = Detector(load(world.reference), DetectSettings()), Family(0, 1, [])
    detector.cases[family.id] = Case(family)
    detector.campaigns[1] = Campaign(1, [family])
    (record,) = campaign_records(detector)
    assert record["campaign"] == "c00001" and (record["accounts"], record["links"]) == ([], [])
    assert (record["action"], record["first_seen"], record["acted"]) == ("none", None, None)
