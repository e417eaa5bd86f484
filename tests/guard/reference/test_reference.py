"""A reference on disk: whole, checked, private."""

import json
import shutil
from pathlib import Path

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.reference.reference import load, save
from tests.guard.world import World


def test_it_comes_back_as_it_was(world: World, tmp_path: Path) -> None:
    first = load(world.reference)
    (tmp_path / "again").mkdir()
    save(first, tmp_path / "again")
    second = load(tmp_path / "again")
    assert first.digest == second.digest == world.learnt["digest"]
    assert (tmp_path / "again" / "reference.key").stat().st_mode & 0o077 == 0


def test_a_changed_number_is_found(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.reference, copy)
    about = json.loads((copy / "reference.json").read_text())
    about["span"] += 1
    (copy / "reference.json").write_text(json.dumps(about))
    with pytest.raises(RecordError, match="not those that its digest was made of"):
        load(copy)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"reference.json is missing.*make one with"):
        load(tmp_path)
