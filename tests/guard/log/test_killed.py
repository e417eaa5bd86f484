"""kill -9 at random moments: what was acknowledged is there, and every line that is there is valid."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stillhouse.guard.log.reading import SegmentReader, missing
from stillhouse.guard.log.segment import list_segments
from stillhouse.records.exchange_log import ExchangeLog, RejectedLines

ROOT = Path(__file__).resolve().parents[3]
Adding = subprocess.Popen[str]


def adding(folder: Path, fsync: str, seconds: float) -> Adding:
    command = [sys.executable, "-m", "tests.guard.log.adding", str(folder), fsync, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def kill_after(process: Adding, seconds: float) -> list[tuple[str, float]]:
    """(name, time of its adding) of all that the process told of, killed `seconds` after its first word."""
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    told = [line.split() for line in lines if line.endswith("\n")]
    return [(name, float(added)) for name, added in told]


@pytest.mark.parametrize("seed", range(10))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, seed: int) -> None:
    """Two processes of one name in one folder, each killed at a moment of its own: twenty moments in all."""
    moments = random.Random(seed)
    processes = [adding(tmp_path, "always", 1.0) for _ in range(2)]
    acknowledged = [name for process in processes for name, _ in kill_after(process, moments.uniform(0.0, 0.1))]
    assert len(acknowledged) >= 2
    assert missing(tmp_path, acknowledged) == set()
    reader = SegmentReader(tmp_path)
    count = len(list(reader))
    assert reader.unfinished <= 2
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    logs = [ExchangeLog(path, rejected=rejected) for _, path in list_segments(tmp_path)]
    assert sum(len(list(log)) for log in logs) == count and rejected.count <= reader.unfinished


def test_an_interval_loses_no_more_than_the_interval(tmp_path: Path) -> None:
    interval = 0.5
    process = adding(tmp_path, "interval", interval)
    told = dict(kill_after(process, 1.3))
    last = max(told.values())
    lost = missing(tmp_path, told)
    # The last word came at most milliseconds before the kill. A quarter is granted to a machine that is busy.
    assert all(told[name] > last - interval - 0.25 for name in lost)
    assert len(lost) < len(told)
