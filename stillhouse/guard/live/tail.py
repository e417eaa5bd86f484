"""A segment of the exchange log, read while a gateway writes it.

A frame is read when it is whole: what stands behind the last whole one may still grow. Whoever writes a segment holds
its lock, so a segment without one is all that it will ever be, and what can be read of a frame that a killed gateway
left unfinished counts then, as it does in a replay.
"""

import fcntl
import os
from pathlib import Path

from stillhouse.records.zstd_lines import read_frame, whole_lines_behind

__all__ = ["Tail"]


class Tail:
    """Reads on where the last reading ended. A segment that is removed meanwhile has ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    @property
    def unread(self) -> int:
        """Bytes that are there and not read."""
        try:
            return os.stat(self.path).st_size - self._read
        except FileNotFoundError:
            return 0

    @property
    def is_written(self) -> bool:
        """Whether a gateway still writes it. One that is empty has only just been made."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def frame(self) -> list[bytes] | None:
        """The lines of the next whole frame, blank ones too; None where there is none now.

        RecordError where it cannot be read.
        """
        if not self.unread:
            return None
        try:
            with self.path.open("rb") as file:
                found = read_frame(file, self._read, self.path)
        except FileNotFoundError:
            return None
        if found is None:
            return None
        content, self._read = found
        return content.split(b"\n")

    def remains(self) -> list[bytes]:
        """The whole lines of a frame that nobody will finish any more. RecordError as `frame`."""
        if not self.unread:
            return []
        with self.path.open("rb") as file:
            return whole_lines_behind(file, self._read, self.path).split(b"\n")
