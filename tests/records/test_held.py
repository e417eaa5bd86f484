"""Folders that a process holds while it lives."""

import subprocess
import sys
from pathlib import Path

import pytest

from stillhouse.records.held import held, taken_over

HOLD = """
import sys
from pathlib import Path
from stillhouse.records.held import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_a_process_holds_is_free_when_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with held(tmp_path):
            pass  # beside it
        with pytest.raises(BlockingIOError), taken_over(tmp_path):
            pass
        process.kill()
        process.wait()
        with taken_over(tmp_path):
            pass


def test_a_link_to_a_folder_is_held_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError), taken_over(tmp_path / "link"):
        pass
