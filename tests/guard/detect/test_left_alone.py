"""Drift: honest traffic raises no alarm, a campaign that nothing is done about does."""

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.left_alone import drift
from stillhouse.guard.features.cues import Cue
from stillhouse.guard.reference.reference import load
from tests.guard.detection import MINUTE, row
from tests.guard.world import World


def test_accounts_that_ask_for_what_nobody_does_are_an_alarm(world: World) -> None:
    detector = Detector(load(world.reference), world.settings)
    quiet = [row(f"q{n}", n * MINUTE, f"a{n}") for n in range(100)]
    detector.fold(quiet)
    assert not drift(detector).is_alarm
    detector.fold([row(f"c{n}", (200 + n) * MINUTE, f"c{n % 60}", cues=int(Cue.TASKS)) for n in range(600)])
    found = drift(detector)
    assert found.accounts == 160 - len(detector.actions) and found.is_alarm
