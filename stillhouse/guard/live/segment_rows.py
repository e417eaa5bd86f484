"""One segment as rows: dated, put in order and made by the very code that a replay of the file runs."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Ordering
from stillhouse.guard.detect.row import Row
from stillhouse.guard.live.tail import Tail
from stillhouse.guard.replay.dated import AT_FIRST, Dated
from stillhouse.guard.replay.needed import NEEDED, has
from stillhouse.guard.replay.reading import decoded, time_of
from stillhouse.records.exchange import exchange_from_record
from stillhouse.records.zstd_lines import read_zstd_lines
from stillhouse.types import Exchange

__all__ = ["Counts", "SegmentRows", "first_time", "tell_corrupt"]

_log = logging.getLogger("stillhouse.guard")


@dataclass(slots=True)
class Counts:
    """`read` are exchanges that became rows, or may, `late` those that count later than their time, `rejected` lines
    that are no exchange, exchanges whose clock was wrong, and places where a segment is corrupt. `absent` is what
    features need and no exchange had."""

    read: int = 0
    late: int = 0
    rejected: int = 0
    absent: set[str] = field(default_factory=lambda: set(NEEDED))


class SegmentRows:
    """`first` is the earliest time of the segment's first exchanges; `lateness` in microseconds. Adds to `counts`."""

    def __init__(self, path: Path, first: int, lateness: int, extractor: Extractor, counts: Counts) -> None:
        self.path = path
        self.is_finished = False
        """Whether all that will ever be in it has been read."""
        self._tail = Tail(path)
        self._first = first
        self._order = Ordering[Row](lateness)
        self._dated = Dated[Exchange](self._skewed)
        self._extractor = extractor
        self._counts = counts
        self._lines = 0
        self._has_told = False

    @property
    def newest(self) -> int:
        """The newest time so far, less those of clocks that had run ahead."""
        newest = self._dated.newest
        return self._first if newest is None else newest

    @property
    def reached(self) -> int:
        """No row that is still to be read counts before this less the lateness."""
        return max(self._first, self._order.newest)

    @property
    def is_drained(self) -> bool:
        """Whether all rows that it will ever have were taken."""
        return self.is_finished and not len(self._order)

    @property
    def unread(self) -> int:
        """Bytes that are there and not read."""
        return self._tail.unread

    def read_on(self) -> bool:
        """Read one frame; False at the segment's present end, which is its last one where `is_finished` says so."""
        try:
            lines = self._tail.frame()
            if lines is None and not self._tail.is_written:
                # Between the two looks its writer may have added a frame and left.
                lines = self._tail.frame()
                if lines is None:
                    self._take(self._tail.remains())
                    self._finish()
        except RecordError as error:
            self._counts.rejected += 1
            tell_corrupt(error)
            self._finish()
            return False
        self._take(lines or [])
        return lines is not None

    def until(self, at: float) -> Iterator[Row]:
        """The rows before `at`, in order; who asks knows that none of before it is to come."""
        for one, moment in self._dated.passed(at):
            self._hold(one, moment)
        yield from self._order.until(at)

    def _take(self, lines: list[bytes]) -> None:
        first = self._lines + 1
        self._lines += max(len(lines) - 1, 0)  # behind the end of the last one stands nothing
        for number, line in enumerate(lines, start=first):
            if not line.strip():
                continue
            place = f"{self.path}:{number}"
            try:
                exchange = exchange_from_record(decoded(line, place), place)
            except RecordError as error:
                self._reject(str(error))
                continue
            self._counts.read += 1
            if self._counts.absent:
                self._counts.absent -= {name for name in self._counts.absent if has(exchange, name)}
            for one, at in self._dated.put(exchange, time_of(exchange)):
                self._hold(one, at)

    def _finish(self) -> None:
        for exchange, at in self._dated.rest():
            self._hold(exchange, at)
        self.is_finished = True

    def _hold(self, exchange: Exchange, at: int) -> None:
        late = self._order.late
        self._order.hold(self._extractor.row(exchange, self._order.time(at)))
        self._counts.late += self._order.late - late

    def _skewed(self, exchange: Exchange, _at: int) -> None:
        self._counts.read -= 1
        self._reject(f"{self.path}: exchange {exchange.id}: time {exchange.time} is more than a day ahead (clock skew)")

    def _reject(self, reason: str) -> None:
        self._counts.rejected += 1
        if not self._has_told:
            self._has_told = True
            _log.warning("lines of a segment are set aside, the first is %s", reason)


def tell_corrupt(error: RecordError) -> None:
    """To the operator: what follows in the segment is lost to detection until it starts again."""
    _log.error("a segment of the exchange log is not read any further: %s; detection reads it at its next start", error)


def first_time(path: Path) -> int | None:
    """The earliest time of the segment's first exchanges, in microseconds since 1970; None where there is none (yet).

    The clock of the very first one may have run ahead. RecordError where the segment is corrupt before any exchange.
    """
    found: list[int] = []
    try:
        for line in read_zstd_lines(path):
            if len(found) == AT_FIRST:
                break
            if line is not None:
                with suppress(RecordError):
                    found.append(time_of(exchange_from_record(decoded(line, str(path)), str(path))))
    except FileNotFoundError:
        pass
    except RecordError:
        if not found:
            raise
    return min(found, default=None)
