"""A real Ray cluster of two workers comes to the bytes of this process, whatever befalls logs and workers."""

import importlib.util
import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.cluster_ray import cluster
from stillhouse.guard.replay.engine import local_engine
from stillhouse.guard.replay.engine_ray import ray_engine
from stillhouse.guard.replay.run import replay
from stillhouse.range.parquet import write_parquet
from stillhouse.records import ExchangeLog
from tests.command import Command
from tests.guard.world import World

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra `scale`)")

FILES = ("decisions.jsonl", "accounts.jsonl", "campaigns.jsonl", "evidence.jsonl", "resolved.yaml")


@pytest.fixture(scope="module")
def workers() -> Iterator[int]:
    """A cluster for all tests here, which leaves neither a process nor a folder."""
    before = folders()
    with cluster(2) as found:
        made = folders() - before
        begun = rays(psutil.Process())
        assert [folder.stat().st_mode & 0o777 for folder in made] == [0o700]
        yield found
    assert len(begun) > 4 and not any(one.is_running() for one in begun)
    assert made and not any(folder.exists() for folder in made)


def folders() -> set[Path]:
    return set(Path("/tmp").glob("stillhouse-ray-*"))


def rays(process: psutil.Process, doing: str = "") -> list[psutil.Process]:
    """Ray's processes below this one; those that are `doing` something, or all."""
    found = []
    for one in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            line = " ".join(one.cmdline())
            if f"ray::{doing}" in line or (not doing and "/stillhouse-ray-" in line):
                found.append(one)
    return found


def test_the_same_bytes_as_in_one_process_though_workers_are_killed(
    world: World, workers: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    exchanges = list(ExchangeLog(world.mixed))
    logs = [tmp_path / "a.parquet", tmp_path / "b.jsonl.zst"]
    write_parquet(logs[0], exchanges[::2])
    with ExchangeLog(logs[1]) as log:
        log.extend(exchanges[1::2])
    killed: list[psutil.Process] = []

    def progress(text: str) -> None:
        if not killed:
            killed.extend(rays(psutil.Process(), "_made"))
            for one in killed:
                one.kill()

    reference, out = load(world.reference), tmp_path / "out"
    summary = replay(logs, reference, out, world.settings, progress=progress, engine=ray_engine())
    assert killed and capfd.readouterr() == ("", "")
    for name in FILES:
        assert (out / name).read_bytes() == (world.replayed / name).read_bytes()
    for name in ("exchanges", "late", "absent", "accounts", "duplicates"):
        assert summary[name] == world.summary[name]
    assert (summary["engine"], summary["workers"]) == ("ray", workers) == ("ray", 2)


def test_faulty_late_and_skewed_entries_of_several_logs(world: World, workers: int, tmp_path: Path) -> None:
    """Logs of one time, each with entries of every fault that it can have, and with exchanges that came late."""
    exchanges = list(ExchangeLog(world.mixed))[:1500]
    exchanges[500] = replace(exchanges[500], api="telepathy")  # type: ignore[arg-type]
    exchanges[100], exchanges[700] = exchanges[700], exchanges[100]
    write_parquet(tmp_path / "a.parquet", exchanges[::2])
    with ExchangeLog(tmp_path / "b.jsonl") as log:
        log.extend(exchanges[1::2])
    lines = (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()
    ahead = json.dumps({**json.loads(lines[80]), "id": "ahead", "time": "2027-01-01T00:00:00Z"})
    lines[80:80] = ["no json", ahead, '{"v": "stillhouse.exchange/9"}']
    lines[:0] = [ahead.replace('"ahead"', f'"ahead{number}"') for number in range(3)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines), encoding="utf-8")
    content = world.mixed.read_bytes()
    (tmp_path / "c.jsonl.zst").write_bytes(content[: len(content) // 9])
    logs, reference = [tmp_path / name for name in ("a.parquet", "b.jsonl", "c.jsonl.zst")], load(world.reference)
    here = replay(logs, reference, tmp_path / "here", world.settings)
    there = replay(logs, reference, tmp_path / "there", world.settings, engine=ray_engine())
    assert (here["rejected"], here["skewed"], len(here["unfinished"])) == (7, 4, 1) and here["late"] > 0
    told = (
        "exchanges",
        "late",
        "skewed",
        "rejected",
        "first_rejected",
        "unfinished",
        "duplicates",
        "absent",
        "textless",
    )
    assert [there[name] for name in told] == [here[name] for name in told]
    for name in (*FILES, "rejected.jsonl"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_damaged_log_is_the_same_one_line(world: World, workers: int, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.parquet"
    write_parquet(damaged, list(ExchangeLog(world.mixed))[:300])
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    damaged.write_bytes(content)
    faults = []
    for engine in (local_engine, ray_engine()):
        with pytest.raises(RecordError, match=r"damaged\.parquet: not a Parquet file, or a damaged one") as fault:
            replay([damaged], load(world.reference), tmp_path / "out", world.settings, engine=engine)
        faults.append(str(fault.value))
    assert faults[0] == faults[1] and [path.name for path in tmp_path.iterdir()] == ["damaged.parquet"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_leaves_nothing(world: World, command: Command, tmp_path: Path, number: int) -> None:
    """With a cluster of its own, as commands have it."""
    before = folders()
    begun: list[psutil.Process] = []
    words = ("guard", "replay", world.mixed, "--reference", world.reference, "--out", tmp_path / "out")
    running = command.start(*words, "--engine", "ray", "--workers", "1", "--quiet")

    def at_work() -> bool:
        begun[:] = rays(psutil.Process(running.pid))
        return bool(rays(psutil.Process(running.pid), "_made"))

    running.signal_when(number, at_work)
    done = running.wait()
    assert (done.code, done.out, done.err) == (130, "", "stillhouse: interrupted; nothing was kept\n")
    assert list(tmp_path.iterdir()) == [] and folders() <= before
    assert len(begun) > 4 and not any(one.is_running() for one in begun)


def test_workers_are_asked_of_our_own_cluster_only(workers: int) -> None:
    with pytest.raises(ConfigError, match="workers is 3, and a Ray cluster that is there has its own"), cluster(3):
        pass
