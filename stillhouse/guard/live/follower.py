"""All segments of a folder as one stream of rows in the order of time, while gateways write them.

A replay merges files of which it has the whole. Here a row may be passed on as soon as no other can come before it:
none can in a segment that is not read to its end, before its newest exchange less the lateness; and none can in
whatever is written from now on, if every exchange is on disk before any gateway writes one that is younger by the
lateness. So the order is that of a replay of the same folder. An exchange that comes later all the same (an answer that
took longer than the lateness, while other gateways went on) counts at the last moment that is open and is counted in
`late`.
"""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.row import Row
from stillhouse.guard.live.segment_rows import Counts, SegmentRows, first_time, tell_corrupt
from stillhouse.guard.log.segment import SegmentName
from stillhouse.guard.replay.finding import is_log
from stillhouse.records.files import disk_errors

__all__ = ["Follower"]

_log = logging.getLogger("stillhouse.guard")
_LOOK_SECONDS = 1.0
_LOOK_EXCHANGES = 2000


class Follower:
    """`lateness` in microseconds; `clock` gives seconds since 1970. `told` is called after each round of reading."""

    def __init__(
        self,
        folder: Path,
        lateness: int,
        extractor: Extractor,
        stop: Event,
        told: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.counts = Counts()
        self.newest = -(1 << 62)
        """The time of the newest exchange that is known to be on disk, in microseconds since 1970."""
        self.is_behind = True
        """Whether more is on disk than the last round has read."""
        self._folder = folder
        self._lateness = lateness
        self._extractor = extractor
        self._stop = stop
        self._told = told
        self._clock = clock
        self._segments: dict[str, SegmentRows] = {}
        self._done: set[str] = set()
        self._warned: set[str] = set()
        self._newest_done = -(1 << 62)
        """That of the segments of which all was passed on."""
        self._open_from = -(1 << 62)
        """All rows of before this time were passed on."""

    @property
    def unread(self) -> int:
        """Bytes on disk that are not read."""
        return sum(one.unread for one in self._segments.values())

    def rows(self) -> Iterator[Row]:
        """Every row, as soon as its place is certain; waits for more until it is told to stop."""
        while not self._stop.is_set():
            yield from self.look()
            self._told()
            if not self.is_behind:
                self._stop.wait(_LOOK_SECONDS)

    def look(self) -> list[Row]:
        """Read on, some thousand exchanges at most; the rows that can be passed on now, in order.

        StorageError where the folder cannot be read.
        """
        # What was on disk at the end of the last look stood there before whatever this one does not find.
        now = int(self._clock() * 1e6)
        written = min(self.newest, now)
        with disk_errors(self._folder / "segment", 0):
            self._find()
            behind = self._read_on()
        self.is_behind = bool(behind)
        self.newest = max([self._newest_done, *(one.newest for one in self._segments.values())])
        self._warn_ahead(now)
        bound = min([written, *(one.reached for one in behind)]) - self._lateness
        found = [(self._in_time(row), name) for name, one in self._segments.items() for row in one.until(bound)]
        found.sort(key=lambda one: (one[0].at, one[0].id, one[1]))
        self._open_from = max(self._open_from, bound)
        for name in [name for name, one in self._segments.items() if one.is_drained]:
            self._newest_done = max(self._newest_done, self._segments.pop(name).newest)
            self._done.add(name)
        return [row for row, _ in found]

    def _find(self) -> None:
        """Take up the segments that have come."""
        listed = {path.name: path for path in self._folder.iterdir()}
        self._done &= listed.keys()
        for name, path in listed.items():
            if name in self._segments or name in self._done:
                continue
            if SegmentName.of(name) is None:
                if is_log(name):
                    self._warn(
                        name, "is no segment of a gateway and is not followed, though a replay of the folder reads it"
                    )
                continue
            try:
                first = first_time(path)
            except RecordError as error:
                self.counts.rejected += 1
                tell_corrupt(error)
                self._done.add(name)
                continue
            if first is not None:
                self._segments[name] = SegmentRows(path, first, self._lateness, self._extractor, self.counts)

    def _read_on(self) -> list[SegmentRows]:
        """Read where the oldest is to be expected; the segments that were not read to their ends."""
        behind = [one for one in self._segments.values() if not one.is_finished]
        end = self.counts.read + _LOOK_EXCHANGES
        while behind and self.counts.read < end:
            oldest = min(behind, key=lambda one: one.reached)
            if not oldest.read_on():
                behind.remove(oldest)
        return behind

    def _warn_ahead(self, now: int) -> None:
        for name, one in self._segments.items():
            if one.newest > now + self._lateness:
                self._warn(name, "has exchanges ahead of this clock, which wait for it, though a replay does not wait")

    def _warn(self, name: str, what: str) -> None:
        """Once a file."""
        if name not in self._warned:
            self._warned.add(name)
            _log.warning("a file in the log's folder %s", what, extra={"fields": {"file": name}})

    def _in_time(self, row: Row) -> Row:
        if row.at >= self._open_from:
            return row
        self.counts.late += 1
        return row._replace(at=self._open_from)
