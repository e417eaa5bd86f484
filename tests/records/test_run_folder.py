"""One run, one folder, one process."""

import json
import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from stillhouse.errors import RunFolderError, StorageError
from stillhouse.records.files import write_atomic
from stillhouse.records.run_folder import claim
from tests.records.test_files import largest_file


def begun(path: Path, kind: str = "distill") -> None:
    with claim(path, kind, resume=False) as folder:
        folder.begin("steps: 3\n")


def test_a_claim_writes_nothing(tmp_path: Path) -> None:
    claim(tmp_path / "runs" / "a", "distill", resume=False).release()
    assert os.listdir(tmp_path) == []


def test_begin_makes_the_whole_folder(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a"
    with claim(path, "distill", resume=False) as folder:
        assert not folder.resumed
        folder.begin("steps: 3\n")
        assert sorted(os.listdir(path)) == ["resolved.yaml", "run.json"]
    assert os.listdir(path.parent) == ["a"]
    assert (path / "resolved.yaml").read_text() == "steps: 3\n"
    about = json.loads((path / "run.json").read_text())
    assert about["kind"] == "distill" and about["versions"]["stillhouse"] == "0.1.0"


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    begun(tmp_path)
    assert (tmp_path / "resolved.yaml").exists()


def test_resume_goes_on_and_keeps_what_was_resolved(tmp_path: Path) -> None:
    begun(tmp_path / "a")
    with claim(tmp_path / "a", "distill", resume=True) as folder:
        assert folder.resumed
        folder.begin("steps: 99\n")
    assert (tmp_path / "a" / "resolved.yaml").read_text() == "steps: 3\n"


def test_resume_of_nothing_starts(tmp_path: Path) -> None:
    with claim(tmp_path / "a", "distill", resume=True) as folder:
        assert not folder.resumed


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    begun(tmp_path / "a")
    with pytest.raises(
        RunFolderError, match=r"a: already holds a run; go on with it \(--resume\) or give another --out"
    ):
        claim(tmp_path / "a", "distill", resume=False)


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_of_another_kind_is_refused(tmp_path: Path, resume: bool) -> None:
    begun(tmp_path / "a", kind="collect")
    with pytest.raises(RunFolderError, match="holds a run of `collect`, not of `distill`"):
        claim(tmp_path / "a", "distill", resume=resume)


@pytest.mark.parametrize("resume", [False, True])
def test_other_files_are_refused(tmp_path: Path, resume: bool) -> None:
    for name in ("thesis.tex", "b", "c", "d"):
        (tmp_path / name).touch()
    with pytest.raises(RunFolderError, match=r"holds other files \(b, c, d, \.\.\.\) and no run"):
        claim(tmp_path, "distill", resume=resume)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(RunFolderError, match="is a file, not a folder"):
        claim(tmp_path / "a", "distill", resume=False)


def test_a_place_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(StorageError, match="a part of this path is a file"):
        claim(tmp_path / "a" / "run", "distill", resume=False)


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_spoilt_marker_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"run\.json: does not say what kind"):
        claim(tmp_path, "distill", resume=True)


def test_a_place_taken_meanwhile_is_refused(tmp_path: Path) -> None:
    late = claim(tmp_path / "a", "distill", resume=False)
    begun(tmp_path / "a")
    with pytest.raises(RunFolderError, match="was filled by another process meanwhile"):
        late.begin("steps: 99\n")
    assert (tmp_path / "a" / "resolved.yaml").read_text() == "steps: 3\n"
    assert os.listdir(tmp_path) == ["a"]


def test_a_refusing_disk_leaves_nothing(tmp_path: Path) -> None:
    folder = claim(tmp_path / "a", "distill", resume=False)
    with largest_file(100), pytest.raises(StorageError):
        folder.begin("# " + "x" * 1000)
    assert os.listdir(tmp_path) == []


def _hold(path: Path, pipe: Connection) -> None:
    with claim(path, "distill", resume=True):
        pipe.send("held")
        pipe.recv()


def test_two_processes_cannot_work_on_one_run(tmp_path: Path) -> None:
    begun(tmp_path / "a")
    here, there = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(target=_hold, args=(tmp_path / "a", there))
    other.start()
    try:
        assert here.recv() == "held"
        with pytest.raises(RunFolderError, match="another process is working on this run"):
            claim(tmp_path / "a", "distill", resume=True)
    finally:
        # A killed process frees its lock: the kernel does.
        other.kill()
        other.join()
    claim(tmp_path / "a", "distill", resume=True).release()


def test_begin_holds_the_lock_through_the_rename(tmp_path: Path) -> None:
    with claim(tmp_path / "a", "distill", resume=False) as folder:
        folder.begin("steps: 3\n")
        write_atomic(tmp_path / "a" / "manifest.json", "{}")
        with pytest.raises(RunFolderError, match="another process is working on this run"):
            claim(tmp_path / "a", "distill", resume=True)


def test_further_files_appear_with_the_folder(tmp_path: Path) -> None:
    with claim(tmp_path / "a", "distill", resume=False) as folder:
        folder.begin("steps: 3\n", {"inputs.json": {"teacher": "ab"}})
        assert sorted(os.listdir(tmp_path / "a")) == ["inputs.json", "resolved.yaml", "run.json"]
    assert json.loads((tmp_path / "a" / "inputs.json").read_text()) == {"teacher": "ab"}
