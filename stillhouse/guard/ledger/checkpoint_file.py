"""A copy of the newest checkpoint in a file, which may lie on another disk: what says how long the ledger once was.

It is written after the database has committed, so a process that is killed in between leaves an older checkpoint, which
is still true. Of several writers on one machine none replaces a newer one.
"""

import fcntl
import os
from pathlib import Path

from stillhouse.errors import ConfigError, StorageError
from stillhouse.guard.ledger.checkpoint import SignedCheckpoint, parse_checkpoint
from stillhouse.records.files import disk_errors, write_atomic

__all__ = ["keep_newest", "kept_checkpoint", "read_checkpoint"]


def kept_checkpoint(path: Path) -> SignedCheckpoint | None:
    """What the file holds, its signatures not checked; None where it is not there. RecordError where it is none."""
    return parse_checkpoint(read_checkpoint(path), str(path)) if path.exists() else None


def read_checkpoint(path: Path) -> str:
    """The text of the file; ConfigError where it cannot be read as text."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no checkpoint can be read there ({error}); give the file of one") from None


def keep_newest(path: Path, note: str, size: int) -> None:
    """Put `note`, a checkpoint of `size` entries, into the file unless a larger one is there."""
    try:
        with disk_errors(path, len(note)):
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            kept = kept_checkpoint(path)
            if kept is None or kept.checkpoint.size < size:
                write_atomic(path, note)
        finally:
            os.close(folder)
    except StorageError as error:
        raise StorageError(
            f"{error} (the database has the entries; only this copy of the checkpoint is old)"
        ) from error
