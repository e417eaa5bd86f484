"""Old segments go, and what goes is told before it is gone.

Any gateway removes any old segment in the folder, because the one that wrote it may not exist any more; whoever holds
the file's lock does it, so it is told once. This runs beside the writer, since reading a segment for its digest takes
seconds that no exchange should wait.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from stillhouse.errors import RecordError, StillhouseError, StorageError
from stillhouse.guard.log.segment import list_segments
from stillhouse.records.files import digest_file, disk_errors, lock_for_writing, sync_folder
from stillhouse.records.zstd_lines import count_zstd_lines

__all__ = ["Keeper", "OnRemoved", "remove_old"]

OnRemoved = Callable[[Path, str, int | None], None]

_log = logging.getLogger("stillhouse.guard")
_EVERY_SECONDS = 3600.0
_DAY = 86400.0


def remove_old(folder: Path, before: float, on_removed: OnRemoved, stop: Callable[[], bool] = lambda: False) -> int:
    """Remove segments that started earlier than `before` (seconds since 1970) and are not being written; how many.

    `on_removed(path, digest, exchanges)` is called before a file goes, and the file stays if it raises; `exchanges` is
    None where the segment cannot be read to its end. Raises StorageError where the disk refuses.
    """
    removed = 0
    with disk_errors(folder / "x", 0):
        for name, path in list_segments(folder):
            if name.started >= before or stop():
                break
            removed += _remove(path, on_removed)
        if removed:
            sync_folder(folder)
    return removed


def _remove(path: Path, on_removed: OnRemoved) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        try:
            lock_for_writing(descriptor, path)
        except RecordError:
            return False
        if os.fstat(descriptor).st_nlink == 0:
            return False
        on_removed(path, digest_file(path), _exchanges(path))
        path.unlink()
    finally:
        os.close(descriptor)
    return True


def _exchanges(path: Path) -> int | None:
    try:
        return count_zstd_lines(path)
    except RecordError:
        return None


class Keeper:
    """Removes old segments in a thread of its own: at the start, hourly, and when told that a segment ended.

    `failed` is the last error, None when all went well since; it is tried again at the next occasion.
    """

    def __init__(self, folder: Path, retain_days: float, clock: Callable[[], float], on_removed: OnRemoved) -> None:
        self.failed: StorageError | None = None
        self._folder = folder
        self._retain_seconds = retain_days * _DAY
        self._clock = clock
        self._on_removed = on_removed
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="exchange-retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> None:
        """Look for old segments now. From any thread; returns at once."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after the segment that it is at."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                before = self._clock() - self._retain_seconds
                remove_old(self._folder, before, self._on_removed, lambda: self._stopping)
            except (OSError, StillhouseError) as error:
                # Whatever stands in the way of one look must not be the end of all later ones.
                self.failed = error if isinstance(error, StorageError) else StorageError(f"{self._folder}: {error}")
                _log.error("old segments of the exchange log were not removed: %s", error)
            else:
                self.failed = None
            self._wake.wait(_EVERY_SECONDS)
            self._wake.clear()
