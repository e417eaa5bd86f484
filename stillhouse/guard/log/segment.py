"""A log in segments: files that are finished one after the other and never written again.

So a segment can be shipped, digested or removed while the gateway runs, and many gateways can share a folder: each
writes to files of its own, held by a lock. What a killed process leaves is not touched by anybody: the last frame of
its segment may be unfinished, readers take the whole lines in it, and the file's digest stays what it was.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stillhouse.errors import RecordError, StorageError
from stillhouse.records.files import append_bytes, create_for_append, disk_errors

__all__ = ["Segment", "SegmentName", "check_gateway", "list_segments", "open_segment"]

_FORM = re.compile(r"exchanges-(\d{8}T\d{6}Z)-([A-Za-z0-9][A-Za-z0-9_.-]{0,63})-(\d{6,})\.jsonl\.zst")
_GATEWAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TIME = "%Y%m%dT%H%M%SZ"
_MODE = 0o640


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """What a segment's name says; ordered by start. `started` is in whole seconds since 1970."""

    started: int
    gateway: str
    number: int

    @property
    def file(self) -> str:
        started = datetime.fromtimestamp(self.started, UTC).strftime(_TIME)
        return f"exchanges-{started}-{self.gateway}-{self.number:06d}.jsonl.zst"

    @classmethod
    def of(cls, file: str) -> "SegmentName | None":
        """The name in parts; None if the file is no segment."""
        found = _FORM.fullmatch(file)
        if found is None:
            return None
        try:
            started = datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(int(started.timestamp()), found[2], int(found[3]))


def check_gateway(gateway: str) -> None:
    """ValueError if the name cannot be part of a file's name."""
    if not _GATEWAY.fullmatch(gateway):
        raise ValueError(f"gateway name {gateway!r} does not fit into file names; use letters, digits, `_`, `.`, `-`")


def list_segments(folder: Path) -> list[tuple[SegmentName, Path]]:
    """All segments in `folder`, by start."""
    found = [(SegmentName.of(path.name), path) for path in folder.iterdir()]
    return sorted((name, path) for name, path in found if name is not None)


class Segment:
    """The segment that is written to. After any error it takes nothing more: close it and open another."""

    def __init__(self, name: SegmentName, path: Path, descriptor: int) -> None:
        self.name = name
        self.path = path
        self.size = 0
        self._descriptor = descriptor

    def append(self, frame: bytes) -> None:
        """Put one whole frame on disk (fsync). Raises OSError (StorageError where the user can mend it).

        A file that was taken away under us would swallow everything without an error, so its place is looked at.
        """
        if not self._in_place():
            raise StorageError(f"{self.path}: was moved or removed while it was written; leave it to `log.retain_days`")
        append_bytes(self._descriptor, self.path, frame, sync=True)
        self.size += len(frame)

    def close(self) -> None:
        """Free the lock. A segment in which nothing came to stand is removed."""
        if self.size == 0 and self._in_place():
            # Where the disk does not even let go of an empty file, it does no harm.
            with suppress(OSError):
                self.path.unlink()
        os.close(self._descriptor)

    def _in_place(self) -> bool:
        held = os.fstat(self._descriptor)
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)


def open_segment(folder: Path, gateway: str, now: float, number: int) -> Segment:
    """A new, locked segment with `number`, or the next one that is free. Raises OSError (or StorageError)."""
    while True:
        name = SegmentName(int(now), gateway, number)
        path = folder / name.file
        try:
            return Segment(name, path, _create(path))
        except (FileExistsError, RecordError):
            # Another gateway of this name started in the same second.
            number += 1


def _create(path: Path) -> int:
    try:
        return create_for_append(path, _MODE)
    except FileExistsError:
        raise
    except OSError as error:
        with disk_errors(path, 0):
            raise error
