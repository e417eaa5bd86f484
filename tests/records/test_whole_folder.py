"""A folder that is whole or absent."""

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
