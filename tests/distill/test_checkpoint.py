"""Checkpoints: what was saved comes back, damage is seen, and a good one is never lost to a bad one."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stillhouse.distill.checkpoint import CheckpointState, load_latest, save
from stillhouse.errors import StorageError

Usage = namedtuple("Usage", "total used free")


def tensors(step: int) -> dict[str, Tensor]:
    return {"weight/a": torch.full((3, 2), float(step)), "step/a": torch.tensor(float(step))}


def write(folder: Path, *steps: int, keep: int = 2) -> None:
    for step in steps:
        save(folder, tensors(step), CheckpointState(step, {"seconds": step / 7}), keep)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damage(folder: Path, step: int) -> None:
    path = folder / f"step-{step:06d}" / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    write(tmp_path, 3, 6, 9)
    assert names(tmp_path) == ["step-000006", "step-000009"]
    found, damaged = load_latest(tmp_path)
    assert found is not None and damaged == []
    loaded, state = found
    assert state == CheckpointState(9, {"seconds": 9 / 7})
    assert set(loaded) == set(tensors(9)) and all(torch.equal(loaded[k], v) for k, v in tensors(9).items())


def test_nothing_saved_is_nothing_found(tmp_path: Path) -> None:
    assert load_latest(tmp_path / "absent") == (None, [])
    (tmp_path / ".draft-000003").mkdir()
    assert load_latest(tmp_path) == (None, [])


@pytest.mark.parametrize("harm", ["byte", "state", "tensors"])
def test_damaged_newest_is_passed_over(harm: str, tmp_path: Path) -> None:
    write(tmp_path, 3, 6)
    newest = tmp_path / "step-000006"
    if harm == "byte":
        damage(tmp_path, 6)
    else:
        (newest / {"state": "state.json", "tensors": "tensors.safetensors"}[harm]).unlink()
    found, damaged = load_latest(tmp_path)
    assert found is not None and found[1].step == 3
    assert len(damaged) == 1 and damaged[0].startswith(f"{newest}: damaged (")


def test_all_damaged_is_said_too(tmp_path: Path) -> None:
    write(tmp_path, 3, 6)
    damage(tmp_path, 3)
    damage(tmp_path, 6)
    found, damaged = load_latest(tmp_path)
    assert found is None and len(damaged) == 2


def test_damaged_one_does_not_push_a_good_one_out(tmp_path: Path) -> None:
    write(tmp_path, 9, keep=1)
    damage(tmp_path, 9)
    write(tmp_path, 3, keep=1)
    assert names(tmp_path) == ["step-000003"]


def test_order_is_that_of_numbers(tmp_path: Path) -> None:
    write(tmp_path, 999_999, 1_000_000)
    found, _ = load_latest(tmp_path)
    assert found is not None and found[1].step == 1_000_000


def test_draft_of_a_killed_process_goes(tmp_path: Path) -> None:
    (tmp_path / ".draft-000001").mkdir()
    write(tmp_path, 2)
    assert names(tmp_path) == ["step-000002"]


def test_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 80, 20))
    with pytest.raises(
        StorageError, match=r"step-000006: a checkpoint takes 0 MB and the disk has 0 MB free; free some"
    ):
        write(tmp_path, 6)
    assert names(tmp_path) == ["step-000003"]
