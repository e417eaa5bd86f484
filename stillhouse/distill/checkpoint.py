"""Checkpoints that a kill at any moment cannot spoil.

A checkpoint is a folder that is written under another name, flushed to the disk, and only then renamed; older
ones go after that. Its state file holds the digest of its tensors, so a torn one is recognised and the one
before it is used. What is not here need not be: learning rates, order of the prompts and random numbers are
functions of the step (see `schedule`), and answers are in the rollout store.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from stillhouse.errors import StorageError
from stillhouse.records import digest_file, write_atomic

__all__ = ["CheckpointState", "load_latest", "save", "whole_folder"]

_TENSORS, _STATE = "tensors.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """Where a run stood: `step` optimiser steps done, and its running totals (tokens and seconds by part)."""

    step: int
    totals: dict[str, float] = field(default_factory=dict)


def save(folder: Path, tensors: Mapping[str, Tensor], state: CheckpointState, keep: int) -> Path:
    """Write `folder/step-NNNNNN`, then drop all but the newest `keep`. StorageError if the disk refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{state.step:06d}"
    draft = folder / f".draft-{state.step:06d}"
    _drop_drafts(folder)
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    free = shutil.disk_usage(folder).free
    if free < size:
        raise StorageError(
            f"{final}: a checkpoint takes {size / 1e6:.0f} MB and the disk has {free / 1e6:.0f} MB free; free some "
            "space, then go on with --resume"
        )
    # A newer one was damaged, else the run would have begun at it; it must not push a good one out.
    for damaged in [path for path in _checkpoints(folder) if _step(path) > state.step]:
        shutil.rmtree(damaged)
    with _refusals(final, draft):
        draft.mkdir()
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, draft / _TENSORS)
        _sync_contents(draft)
        content = {**asdict(state), "tensors": digest_file(draft / _TENSORS)}
        write_atomic(draft / _STATE, json.dumps(content, indent=1))
        if final.exists():
            shutil.rmtree(final)
        os.replace(draft, final)
        _sync_contents(folder)
    for old in _checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return final


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """A draft to fill. At the end it is flushed and takes the place of `final`; StorageError if the disk refuses."""
    draft = final.with_name(f".{final.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    with _refusals(final, draft):
        yield draft
        _sync_contents(draft)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)


@contextmanager
def _refusals(final: Path, draft: Path) -> Iterator[None]:
    """StorageError if the disk refuses what should become `final`; the half-written `draft` goes."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        reason = str(error).partition("\n")[0]
        full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "free some space, then go on with --resume" if full else "give a place that can be written to"
        raise StorageError(f"{final}: was not written ({reason}); {remedy}") from error


def load_latest(folder: Path) -> tuple[tuple[dict[str, Tensor], CheckpointState] | None, list[str]]:
    """The newest whole checkpoint, or None if there is none, and a line for each newer one that is damaged."""
    damaged: list[str] = []
    for path in reversed(_checkpoints(folder)):
        try:
            state = json.loads((path / _STATE).read_text(encoding="utf-8"))
            if digest_file(path / _TENSORS) != state.pop("tensors"):
                raise ValueError("digest of tensors does not match")
            return (load_file(path / _TENSORS), CheckpointState(**state)), damaged
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            damaged.append(f"{path}: damaged ({error}); going on from before it")
    return None, damaged


def _sync_contents(folder: Path) -> None:
    """Flush a folder and the files in it to the disk."""
    for path in [*(p for p in folder.iterdir() if p.is_file()), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _checkpoints(folder: Path) -> list[Path]:
    return sorted((p for p in folder.glob("step-*") if p.is_dir()), key=_step) if folder.is_dir() else []


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def _drop_drafts(folder: Path) -> None:
    for draft in folder.glob(".draft-*"):
        shutil.rmtree(draft)
