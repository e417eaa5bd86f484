"""Logs in, ordered rows out: of several files, each in nearly the order of time."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.detect.ordered import Once, Ordering, Placed
from stillhouse.guard.detect.row import Row
from stillhouse.guard.replay.dated import Dated
from stillhouse.guard.replay.needed import NEEDED, has
from stillhouse.records import ExchangeLog, RejectedLines
from stillhouse.records.files import decode_line
from stillhouse.records.times import microseconds, rfc3339
from stillhouse.types import Exchange

__all__ = ["Logs", "Maker", "Put", "decoded", "time_of"]

_AT_ONCE = 128


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


One = TypeVar("One", bound=_HasId)
Put = TypeVar("Put", bound=Placed)


class Maker(Protocol[Put]):
    """What makes something of exchanges that can be put in order, as an `Extractor` makes rows."""

    def rows(self, dated: Sequence[tuple[Exchange, int]]) -> list[Put]: ...


@dataclass(slots=True)
class Logs:
    """Files to read, more than once if need be. `lateness` in microseconds.

    Of the last reading: `exchanges` became something, duplicates too; `late` of them stood further behind the newest of
    their file than the lateness and count at the last moment that was open, `textless` say nothing that features can
    read. `skewed` were set aside for a clock that had run ahead by more than a day.
    """

    files: Sequence[Path]
    lateness: int
    rejected: RejectedLines | None = None
    without: frozenset[str] = frozenset()
    """Accounts that are passed over, and of these in `left_out` those that were there."""
    passed_over: Sequence[Path] = ()
    """Logs beside the files that are not read."""
    exchanges: int = 0
    late: int = 0
    skewed: int = 0
    textless: int = 0
    absent: set[str] = field(default_factory=lambda: set(NEEDED))
    """What features need and no exchange had, by name."""
    left_out: set[str] = field(default_factory=set)
    _read: set[int] = field(default_factory=set)

    def rows(self, maker: Maker[Put]) -> Iterator[Put]:
        """What is made of the exchanges of all files, in the order of time and id."""
        dated = (self._dated(number, self._exchanges(number)) for number in range(len(self.files)))
        return self._merge([_made(of_file, maker) for of_file in dated])

    def merged(self, made: Sequence[Iterable[Row]]) -> Iterator[Row]:
        """The same of the rows of each file in its order, made with the times that the exchanges themselves give."""
        dated = (self._dated(number, ((row, row.at) for row in rows)) for number, rows in enumerate(made))
        return self._merge([(row for row, _ in of_file) for of_file in dated])

    def reject(self, number: int, place: str, reason: str, line: str | None) -> None:
        """Set an entry of the file of that number aside. RecordError where that is not wanted."""
        if self.rejected is None:
            raise RecordError(f"{place}: {reason}")
        self.rejected.part(number).add(place, reason, line)

    def check(self) -> None:
        """RecordError where nothing was there to read."""
        if self.exchanges or self.left_out:
            return
        if self.rejected is not None and self.rejected.first is None and self.rejected.unfinished:
            raise RecordError(self.rejected.unfinished[0])
        if self.rejected is None or self.rejected.first is None:
            more = f" and {len(self.files) - 1:,} more" if len(self.files) > 1 else ""
            raise RecordError(f"{self.files[0]}{more}: no exchange is in the log; give one that has some")
        raise RecordError(
            f"no exchange could be read, {self.rejected.count:,} were set aside; the first is {self.rejected.first}"
        )

    def told(self, once: Once) -> dict[str, Any]:
        """What the last reading met, for summaries; `once` has seen all of it."""
        rejected = self.rejected
        return {
            "passed_over": [str(path) for path in self.passed_over],
            "exchanges": self.exchanges - once.duplicates,
            "duplicates": once.duplicates,
            "first_duplicate": once.first,
            "late": self.late,
            "textless": self.textless,
            "absent": sorted(self.absent),
            "skewed": self.skewed,
            "rejected": 0 if rejected is None else rejected.count,
            "first_rejected": None if rejected is None else rejected.first,
            "unfinished": [] if rejected is None else rejected.unfinished,
        }

    def digests(self) -> dict[str, str]:
        """RecordError where a file cannot be read."""
        return {str(path): ExchangeLog(path).digest() for path in self.files}

    def _merge(self, dated: Sequence[Iterable[Put]]) -> Iterator[Put]:
        self.exchanges = self.late = self.skewed = self.textless = 0
        orderings = [Ordering[Put](self.lateness) for _ in self.files]
        parts = [self._ordered(rows, order) for rows, order in zip(dated, orderings, strict=True)]
        yield from heapq.merge(*parts, key=lambda row: (row.at, row.id))
        self.late = sum(order.late for order in orderings)
        self._join()

    def _ordered(self, rows: Iterable[Put], order: Ordering[Put]) -> Iterator[Put]:
        for row in rows:
            self.exchanges += 1
            self.textless += not row.says
            at = order.time(row.at)
            yield from order.put(row if at == row.at else row._replace(at=at))
        yield from order.rest()

    def _dated(self, number: int, read: Iterable[tuple[One, int]]) -> Iterator[tuple[One, int]]:
        """What was read of a file, less what has a wrong clock."""
        dated = Dated[One](partial(self._set_aside, number))
        for one, at in read:
            yield from dated.put(one, at)
        yield from dated.rest()
        self._read.add(number)

    def _exchanges(self, number: int) -> Iterator[tuple[Exchange, int]]:
        """Exchanges of a file with their times.

        Faulty lines are set aside at the first reading; further readings pass over them in silence.
        """
        rejected = self.rejected
        if rejected is not None:
            rejected = _Silent(rejected.path) if number in self._read else rejected.part(number)
        for one in ExchangeLog(self.files[number], rejected=rejected, decode=decoded):
            if one.account in self.without:
                self.left_out.add(one.account)
                continue
            if self.absent:
                self.absent -= {name for name in self.absent if has(one, name)}
            yield one, time_of(one)

    def _set_aside(self, number: int, one: _HasId, at: int) -> None:
        reason = f"time {rfc3339(at // 1000)} is more than a day ahead of the exchanges around it (clock skew)"
        place = f"{self.files[number]}: exchange {one.id}"
        if self.rejected is None:
            raise RecordError(f"{place}: {reason}; mend its time, or set such lines aside")
        self.skewed += 1
        if number not in self._read:
            self.rejected.part(number).add(place, reason, "")

    def _join(self) -> None:
        if self.rejected is not None:
            self.rejected.join()


def _made(dated: Iterator[tuple[Exchange, int]], maker: Maker[Put]) -> Iterator[Put]:
    while some := list(islice(dated, _AT_ONCE)):
        yield from maker.rows(some)


class _Silent(RejectedLines):
    def add(self, place: str, reason: str, line: str | None) -> None:
        """Known already."""


def decoded(line: bytes, place: str) -> Any:
    """As `decode_line`, in a fifth of its time. An integer of more than 64 bits may become a float: none is counted."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return decode_line(line, place)


def time_of(exchange: Exchange) -> int:
    """In microseconds since 1970."""
    at = microseconds(exchange.time)
    assert at is not None, "the log checks times"
    return at
