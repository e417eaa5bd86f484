"""A piece of work that is done is not done again, unless it was made by something else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.detection_plan import Reference, World
from bench.detection_tasks import BASELINES, Workshop, made_by_of
from stillhouse.range.population import PopulationSettings
from stillhouse.range.scenario import Scenario

SCENARIO = Scenario(seed=5)


def test_what_is_done_stays_done(tmp_path: Path) -> None:
    """Nothing of this could run: there is no reference, no log and no calibrated baseline."""
    workshop = Workshop(tmp_path, "words", (100,))
    (tmp_path / "known").mkdir()
    (tmp_path / "scores").mkdir()
    calibrated = made_by_of(SCENARIO, "words", 100)
    for name, record in {
        "known/made.json": {"made_by": made_by_of(SCENARIO), "digest": "sha256:0"},
        "known.words.json": {"made_by": calibrated},
        "scores/w.known.json": {"made_by": made_by_of(SCENARIO, "sha256:0")},
        f"scores/w.{BASELINES}.json": {"made_by": made_by_of(SCENARIO, calibrated)},
    }.items():
        (tmp_path / name).write_text(json.dumps(record))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    reference, world = Reference("known", SCENARIO, baselines=True), World("w", SCENARIO, ("known",), "known")
    assert workshop.learn(reference) == "known: learnt"
    assert workshop.calibrate(reference) == "known: baselines calibrated"
    assert workshop.replay(world, "known") == "w: replayed against known"
    assert workshop.flag(world, "known") == "w: baselines scored"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    with pytest.raises(FileNotFoundError):  # another embedding needs baselines of its own
        replace(workshop, embedding="static").flag(world, "known")


def test_another_scenario_or_setting_is_something_else() -> None:
    more = SCENARIO.model_copy(update={"population": PopulationSettings(scale=2)})
    made = [made_by_of(SCENARIO), made_by_of(more), made_by_of(SCENARIO, "static"), made_by_of(SCENARIO, "words")]
    assert len(set(made)) == len(made)
    assert made_by_of(Scenario(seed=5)) == made[0]
