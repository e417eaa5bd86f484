"""Lines of a replay's files that the composed world does not come to."""

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.link.campaign import Campaign
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.records import campaign_records, evidence_records
from tests.guard.world import World


def test_a_campaign_that_nobody_belongs_to_has_no_line(world: World) -> None:
    """A group was found whose accounts share nothing rare, as where a campaign inside the reference made it common."""
    detector = Detector(load(world.reference), world.settings)
    detector.campaigns[1] = Campaign(1)
    assert list(campaign_records(detector)) == list(evidence_records(detector)) == []
