"""`stillhouse guard reference`, `replay` and `explain` as users have them: what is printed, and faults in one line."""

import json
from pathlib import Path

import pytest

from tests.command import Command
from tests.guard.world import World


@pytest.fixture(scope="module")
def replayed(world: World, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replayed")
    made = command("guard", "reference", str(world.honest), "--out", str(folder / "ref"), "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["accounts"] == world.learnt["accounts"]
    logs, options = str(world.mixed), ("--reference", str(folder / "ref"), "--out", str(folder / "out"), "--quiet")
    done = command("guard", "replay", logs, *options)
    assert done.code == 0 and done.err == "", done.err
    assert f"{world.summary['exchanges']:,} exchanges" in done.out
    return folder


def test_an_explanation_shows_the_evidence_of_a_campaign(world: World, command: Command) -> None:
    campaigns = [json.loads(line) for line in (world.replayed / "campaigns.jsonl").read_text().splitlines()]
    told = command("guard", "explain", str(world.replayed), "--campaign", campaigns[0]["campaign"])
    assert told.code == 0
    assert f"ln e {campaigns[0]['log_e']:.2f}" in told.out and "decides" in told.out


def test_faults_are_one_line(replayed: Path, world: World, command: Command, tmp_path: Path) -> None:
    out, ref = ("--out", str(tmp_path / "o")), ("--reference", str(replayed / "ref"))
    assert "no such log" in command("guard", "replay", "nowhere.jsonl", *ref, *out).fault
    wrong = command("guard", "replay", str(world.mixed), "--reference", str(tmp_path), *out)
    assert "make one with `stillhouse guard reference`" in wrong.fault
    taken = command("guard", "reference", str(world.honest), "--out", str(replayed / "ref"))
    assert "is not empty" in taken.fault
    nameless = command("guard", "reference", str(world.honest), *out, "--without", str(tmp_path / "names.txt"))
    assert "--without" in nameless.fault and "give names of accounts, one a line" in nameless.fault
    unknown = command("guard", "explain", str(replayed / "out"), "--campaign", "c99999")
    assert "has no campaign 'c99999'" in unknown.fault
    assert list(tmp_path.iterdir()) == []
