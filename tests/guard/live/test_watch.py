"""Drift is looked at now and then and an alarm told once; so are fields that nothing has."""

import logging

import pytest

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.left_alone import drift
from stillhouse.guard.features.cues import Cue
from stillhouse.guard.live.watch import Watch
from stillhouse.guard.reference.reference import load
from tests.guard.detection import MINUTE, row
from tests.guard.world import World


def test_drift_is_looked_at_each_quarter_of_an_hour_and_an_alarm_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "stillhouse.guard")
    detector, watch = Detector(load(world.reference), world.settings), Watch()
    detector.fold([row(f"q{n}", n, f"a{n}") for n in range(100)])
    watch.look(detector, 0)
    first = watch.drift
    assert first is not None and first.accounts == 100 and not first.is_alarm
    detector.fold([row(f"c{n}", 5 * MINUTE + n, f"c{n % 60}", cues=int(Cue.TASKS)) for n in range(600)])
    watch.look(detector, 15 * MINUTE - 1)
    assert watch.drift is first and not caplog.records
    for at in (15, 30, 45):
        watch.look(detector, at * MINUTE)
    newest = drift(detector)
    assert watch.drift == newest and newest.is_alarm
    (said,) = caplog.records
    assert said.fields == {"drift": newest.as_record()}  # type: ignore[attr-defined]


def test_absent_fields_are_told_once_and_not_of_a_few_exchanges(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "stillhouse.guard")
    watch = Watch()
    watch.note_absent({"client.ip", "client.asn", "response"}, 999)
    assert not caplog.records
    watch.note_absent({"client.ip", "client.asn"}, 1000)
    watch.note_absent({"client.ip"}, 2000)
    (said,) = caplog.records
    assert said.fields == {"absent": ["client.asn", "client.ip"]}  # type: ignore[attr-defined]


def test_a_log_that_has_everything_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "stillhouse.guard")
    Watch().note_absent(set(), 5000)
    assert not caplog.records
