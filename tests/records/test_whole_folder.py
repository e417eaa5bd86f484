"""A folder that is whole or absent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stillhouse.errors import RunFolderError
from stillhouse.records import whole_folder


def test_it_is_there_when_the_block_is_over(tmp_path: Path) -> None:
    place = tmp_path / "above" / "out"
    with whole_folder(place) as draft:
        (draft / "file").write_text("x")
        assert not place.exists()
    assert (place / "file").read_text() == "x"
    assert [path.name for path in place.parent.iterdir()] == ["out"]


def test_nothing_is_left_of_a_block_that_raises(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "out") as draft:
        (draft / "file").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("old")
    with pytest.raises(RunFolderError, match="is not empty"), whole_folder(tmp_path / "out"):
        raise AssertionError
    assert (tmp_path / "out" / "file").read_text() == "old"


def test_an_empty_folder_is_no_taken_place(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as draft:
        (draft / "file").write_text("x")
    assert (tmp_path / "out" / "file").exists()


FILLING = """
import sys, time
from pathlib import Path
from stillhouse.records import whole_folder
with whole_folder(Path(sys.argv[1])) as draft:
    (draft / "file").write_text("x")
    print(draft.name, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_goes_with_the_next_and_what_a_running_one_makes_is_not_begun(
    tmp_path: Path,
) -> None:
    place = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", FILLING, place], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        draft = tmp_path / other.stdout.readline().strip()
        try:
            with pytest.raises(RunFolderError, match=f"process {other.pid} is making it now"), whole_folder(place):
                raise AssertionError
            assert (draft / "file").exists()
        finally:
            other.kill()
    assert (draft / "file").exists()
    with whole_folder(place):
        assert not draft.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_of_two_that_began_at_once_the_later_one_is_kept_beside(tmp_path: Path) -> None:
    place, beside = tmp_path / "out", tmp_path / f"out.{os.getpid()}"
    first = rf"put something there first.*stands in .*{beside.name}$"
    with pytest.raises(RunFolderError, match=first), whole_folder(place) as draft:
        (draft / "file").write_text("later")
        place.mkdir()
        (place / "file").write_text("first")
    assert (place / "file").read_text() == "first" and (beside / "file").read_text() == "later"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["out", beside.name])


def test_the_number_of_a_killed_process_may_be_ours_by_now(tmp_path: Path) -> None:
    (tmp_path / f".out.{os.getpid()}.new").mkdir()
    with whole_folder(tmp_path / "out") as draft:
        with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "o*"):
            raise KeyboardInterrupt  # its name is no pattern, so ours is not taken for its draft
        (draft / "file").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", [".out.1.new", ".out.backup.new", ".other.999999999.new", ".out.5-7.new"])
def test_what_is_no_abandoned_draft_of_this_folder_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with whole_folder(tmp_path / "out"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out"])
