"""`stillhouse guard reference`, `replay` and `explain` as users have them: what is printed, and faults in one line."""

import json
import os
import shutil
import signal
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from stillhouse.records import ExchangeLog
from tests.command import Command
from tests.guard.world import World


@pytest.fixture(scope="module")
def replayed(world: World, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, and a replay of the beginning of a log."""
    folder = tmp_path_factory.mktemp("replayed")
    # The whole of it: how many groups there are depends on the key that the command draws, and a third is too little.
    honest, mixed = str(world.honest), beginning(world.mixed, folder / "mixed.jsonl")
    made = command("guard", "reference", honest, "--out", str(folder / "ref"), "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["accounts"] == len({one.account for one in ExchangeLog(Path(honest))})
    done = command(
        "guard", "replay", mixed, "--reference", str(folder / "ref"), "--out", str(folder / "out"), "--quiet"
    )
    assert done.code == 0 and done.err == "", done.err
    assert "1,000 exchanges" in done.out
    return folder


def beginning(log: Path, path: Path) -> str:
    with ExchangeLog(path) as few:
        few.extend(islice(ExchangeLog(log), 1000))
    return str(path)


def test_an_explanation_shows_the_evidence_of_a_campaign(world: World, command: Command) -> None:
    campaigns = [json.loads(line) for line in (world.replayed / "campaigns.jsonl").read_text().splitlines()]
    told = command("guard", "explain", str(world.replayed), "--campaign", campaigns[0]["campaign"])
    assert told.code == 0
    assert f"ln e {campaigns[0]['log_e']:.2f}" in told.out and "decides" in told.out


def test_an_explanation_shows_the_evidence_of_an_account(world: World, command: Command) -> None:
    record = json.loads((world.replayed / "alone.jsonl").read_text().splitlines()[0])
    told = command("guard", "explain", str(world.replayed), "--account", record["account"], "--json")
    assert told.code == 0 and json.loads(told.out)["alone"]["log_e"] == record["log_e"]


def test_faults_are_one_line(replayed: Path, world: World, command: Command, tmp_path: Path) -> None:
    out, ref = ("--out", str(tmp_path / "o")), ("--reference", str(replayed / "ref"))
    assert "no such log" in command("guard", "replay", "nowhere.jsonl", *ref, *out).fault
    wrong = command("guard", "replay", str(world.mixed), "--reference", str(tmp_path), *out)
    assert "make one with `stillhouse guard reference`" in wrong.fault
    idle = command("guard", "replay", str(world.mixed), *ref, *out, "--workers", "2")
    assert "--workers 2 is for --engine ray, and the engine is local" in idle.fault
    taken = command("guard", "reference", str(world.honest), "--out", str(replayed / "ref"))
    assert "is not empty" in taken.fault
    nameless = command("guard", "reference", str(world.honest), *out, "--without", str(tmp_path / "names.txt"))
    assert "--without" in nameless.fault and "give names of accounts, one a line" in nameless.fault
    (replayed / "names.txt").write_text("a\n\nb\n")
    blank = command("guard", "reference", str(world.honest), *out, "--without", str(replayed / "names.txt"))
    assert blank.fault == f"--without {replayed / 'names.txt'}:2: is a blank line; give names of accounts, one a line"
    unknown = command("guard", "explain", str(replayed / "out"), "--campaign", "c99999")
    assert "has no campaign 'c99999'" in unknown.fault
    file = command("guard", "explain", str(replayed / "out" / "summary.json"), "--campaign", "c00001")
    assert "summary.json: is a file; give a folder made by `stillhouse guard replay`" in file.fault
    for subjects in ((), ("--campaign", "c00001", "--account", "a")):
        both = command("guard", "explain", str(replayed / "out"), *subjects)
        assert "give either --campaign or --account" in both.fault
    assert list(tmp_path.iterdir()) == []


def test_a_folder_where_a_log_belongs_is_one_line(replayed: Path, command: Command, tmp_path: Path) -> None:
    odd, out = tmp_path / "a.jsonl", ("--out", str(tmp_path / "o"))
    (odd / "inside").mkdir(parents=True)
    learnt = command("guard", "reference", str(tmp_path), *out)
    assert learnt.fault == f"{odd}: cannot be read (Is a directory); give the path of a file"
    again = command("guard", "replay", str(tmp_path), "--reference", str(replayed / "ref"), *out)
    assert again.fault == f"{odd}: no such log; give the path of a .jsonl, .jsonl.zst or .parquet file"
    assert list(tmp_path.iterdir()) == [odd]


def test_nothing_is_left_of_a_replay_that_was_ended(world: World, command: Command, tmp_path: Path) -> None:
    """SIGTERM ends it as Ctrl-C does; what SIGKILL leaves goes with the next replay to the same place."""
    place = tmp_path / "place"
    place.mkdir()
    options = ("--reference", str(world.reference), "--out", str(place / "out"), "--quiet")
    seen = count()

    def began() -> bool:
        """Whether the draft is there, and has been for some milliseconds."""
        return any(place.iterdir()) and next(seen) % 20 == 19

    ended = command.start("guard", "replay", str(world.mixed), *options)
    ended.signal_when(signal.SIGTERM, began)
    result = ended.wait()
    assert result.code == 130 and result.err == "stillhouse: interrupted; nothing was kept\n"
    assert list(place.iterdir()) == []
    killed = command.start("guard", "replay", str(world.mixed), *options)
    killed.signal_when(signal.SIGKILL, began)
    assert killed.wait().code == -signal.SIGKILL and [path.suffix for path in place.iterdir()] == [".new"]
    assert command("guard", "replay", beginning(world.mixed, tmp_path / "few.jsonl"), *options).code == 0
    assert [path.name for path in place.iterdir()] == ["out"]


def test_a_replay_tells_how_many_suspensions_wait_for_a_reviewer(
    world: World, command: Command, tmp_path: Path
) -> None:
    log = str(world.mixed)
    done = command("guard", "replay", log, "--reference", str(world.reference), "--out", str(tmp_path / "o"), "--quiet")
    suspended, pending = world.summary["actions"]["suspend"], world.summary["pending"]
    assert pending and f" suspend {suspended:,} ({pending:,} wait for a reviewer)\n" in done.out


def test_a_config_names_the_reference_where_the_command_does_not(
    world: World, command: Command, tmp_path: Path
) -> None:
    log = tmp_path / "few.jsonl"
    with ExchangeLog(log) as few:
        few.extend(islice(ExchangeLog(world.mixed), 50))
    upstream = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    config: dict[str, Any] = {"upstreams": [upstream], "models": [{"name": "m", "upstreams": ["one"]}]}
    config["detect"] = {"reference": os.path.relpath(world.reference, tmp_path)}
    (tmp_path / "guard.yaml").write_text(yaml.safe_dump(config))
    given = ("guard", "replay", str(log), "--out", str(tmp_path / "out"), "--json")
    assert "give --reference, or --config with `detect.reference`" in command(*given).fault
    done = command(*given, "--config", str(tmp_path / "guard.yaml"))
    assert done.code == 0 and json.loads(done.out)["reference"] == world.learnt["digest"]
    resolved = yaml.safe_load((tmp_path / "out" / "resolved.yaml").read_text())
    assert Path(resolved["reference"]).samefile(world.reference)


def test_what_is_wrong_with_a_log_is_said_on_standard_error(world: World, command: Command, tmp_path: Path) -> None:
    log = tmp_path / "shuffled.jsonl"
    with ExchangeLog(log) as few:
        few.extend(reversed(list(islice(ExchangeLog(world.mixed), 300))))
    with log.open("a", encoding="utf-8") as file:
        file.write("no json\n")
    done = command("guard", "replay", str(log), "--reference", str(world.reference), "--out", str(tmp_path / "out"))
    assert done.code == 0, done.err
    aside, late = (line for line in done.err.splitlines() if line.startswith("stillhouse: warning: "))
    assert f"1 set aside in {tmp_path}/out/rejected.jsonl" in aside and f"the first is {log}:301: not JSON" in aside
    assert "are late" in late and "sort it by time" in late


def test_nothing_to_read_is_a_fault(world: World, command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("no json\n")
    given = (str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "o"), "--quiet")
    for words in (("replay", *given, "--reference", str(world.reference)), ("reference", *given)):
        assert "no exchange could be read, 1 were set aside; the first is" in command("guard", *words).fault


def test_a_start_and_a_check_read_all_of_the_reference(world: World, command: Command, tmp_path: Path) -> None:
    shutil.copytree(world.reference, tmp_path / "ref")
    upstream = {"name": "one", "base_url": "http://127.0.0.1:9/v1"}
    config: dict[str, Any] = {"upstreams": [upstream], "models": [{"name": "m", "upstreams": ["one"]}]}
    config["detect"] = {"reference": "ref"}
    (tmp_path / "guard.yaml").write_text(yaml.safe_dump(config))
    check = ("guard", "check", "--config", str(tmp_path / "guard.yaml"))
    assert command(*check).code == 0
    whole = (tmp_path / "ref" / "reference.npz").read_bytes()
    (tmp_path / "ref" / "reference.npz").write_bytes(whole[: len(whole) // 2])
    for what in ("check", "serve"):
        fault = command("guard", what, "--config", str(tmp_path / "guard.yaml")).fault
        assert fault.startswith("detect.reference: ") and "(BadZipFile: File is not a zip file)" in fault
