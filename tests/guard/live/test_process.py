"""The detector's process by itself: what it is told, when it ends, and how it says what is wrong."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.live.decision_file import DecisionFile
from stillhouse.guard.live.process import Order
from stillhouse.guard.live.status import Status
from tests.guard.conftest import guard_settings

_ROOT = Path(__file__).parents[3]


@contextmanager
def started(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, told to detect on the log of `folder` with a reference that is not there."""
    (folder / "exchanges").mkdir(exist_ok=True)
    detect = DetectSettings(reference=Path("nowhere"))
    order = Order(guard_settings("sqlite:///guard.db").model_copy(update={"detect": detect}), folder, quiet=False)
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "stillhouse.guard.live.process"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=_ROOT, env=os.environ) as process:
        assert process.stdin is not None
        process.stdin.write(order.line())
        process.stdin.flush()
        yield process
        process.kill()


def test_it_stands_by_and_ends_with_its_input_and_with_no_signal(tmp_path: Path) -> None:
    (tmp_path / "exchanges").mkdir()
    file = DecisionFile.take(tmp_path / "exchanges")
    assert file is not None
    with started(tmp_path) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            assert Status.of(process.stdout.readline()).state == "standby"
            process.send_signal(number)
        assert Status.of(process.stdout.readline()).state == "standby"
        process.stdin.close()
        assert process.wait(20) == 0
    file.close()


def test_what_the_operator_can_mend_is_one_line(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        assert process.wait(60) == 2 and process.stderr is not None
        (line,) = process.stderr.read().splitlines()
        said = json.loads(line)
        assert said["level"] == "error" and "nowhere: no reference there" in said["event"]
