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


def test_a_damaged_key_and_another_version_are_told_with_the_remedy(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.reference, copy)
    for damaged in (b"no key\n", b"\xff\xfe"):
        (copy / "reference.key").write_bytes(damaged)
        with pytest.raises(RecordError, match=r"copy/reference\.key: is no key, .*; copy it again, or make the"):
            load(copy)
    about = json.loads((copy / "reference.json").read_text())
    (copy / "reference.json").write_text(json.dumps(about | {"v": "stillhouse.reference/1"}))
    with pytest.raises(RecordError, match=r"is 'stillhouse\.reference/1'; .* so make the reference anew with"):
        load(copy)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"reference.json is missing.*make one with"):
        load(tmp_path)


def test_files_that_were_cut_off_are_one_line_with_the_remedy(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.reference, copy)
    for name, parts in (("reference.npz", 12), ("reference.json", 3), ("reference.key", 3)):
        whole = (copy / name).read_bytes()
        for part in range(parts):
            (copy / name).write_bytes(whole[: part * len(whole) // parts])
            with pytest.raises(RecordError, match=r"^[^\n]*(make it anew|make the reference anew)[^\n]*$"):
                load(copy)
        (copy / name).write_bytes(whole)
    content = bytearray((copy / "reference.npz").read_bytes())
    for place in range(0, len(content), len(content) // 40):
        damaged = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        (copy / "reference.npz").write_bytes(damaged)
        try:
            assert load(copy).digest == world.learnt["digest"]  # bytes of the archive that say nothing
        except RecordError as error:
            assert "anew" in str(error)
    (copy / "reference.npz").write_bytes(content)
    about = json.loads((copy / "reference.json").read_text())
    for name in ("digest", "persistence", "plans"):
        (copy / "reference.json").write_text(json.dumps({key: about[key] for key in about if key != name}))
        with pytest.raises(RecordError, match=f"KeyError: '{name}'.*make it anew"):
            load(copy)
