"""A reference that is read whole by a process of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.reference.check import check_reference
from tests.guard.world import World


def test_a_whole_reference_passes_and_a_damaged_one_is_one_line(world: World, tmp_path: Path) -> None:
    check_reference(world.reference)
    damaged = tmp_path / "damaged"
    shutil.copytree(world.reference, damaged)
    arrays = damaged / "reference.npz"
    arrays.write_bytes(arrays.read_bytes()[:-5000])
    with pytest.raises(RecordError, match=r"damaged: cannot be read as a reference \(.*\); copy it again") as caught:
        check_reference(damaged)
    assert "\n" not in str(caught.value)


def test_a_file_that_nests_too_deeply_is_one_line(tmp_path: Path) -> None:
    for name in ("reference.npz", "reference.key"):
        (tmp_path / name).touch()
    (tmp_path / "reference.json").write_text("[" * 100_000)
    with pytest.raises(RecordError, match=r"cannot be read as a reference \(.*\); make it anew") as caught:
        check_reference(tmp_path)
    assert "\n" not in str(caught.value)


def test_whoever_checks_loads_no_numbers() -> None:
    code = "import sys, stillhouse.guard.gateway.prepare; print({'numpy', 'scipy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n"
