"""Rows in the order of time, from files that are nearly in it, and cut into ticks.

A gateway writes exchanges as they end, and several gateways write several files, so a log is in order only within
some lateness. A row that comes later than that behind the newest of its own file counts at the last moment that is
still open, so nothing is lost and nothing is decided anew. All of it depends on the files alone, not on when or by
whom they are read.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings

__all__ = ["Once", "Ordering", "Placed", "Ticks"]

_REMEMBER = 2


class Placed(Protocol):
    """What is put in order: a named tuple with a time and an id, a `Row` or less; `says` whether there was text."""

    @property
    def at(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def says(self) -> bool: ...
    def _replace(self, *, at: int) -> Self: ...


One = TypeVar("One", bound=Placed)


@dataclass(slots=True)
class Ordering(Generic[One]):
    """Puts the rows of one file in order. `lateness` in microseconds; `late` counts rows that were moved."""

    lateness: int
    late: int = 0
    newest: int = -(1 << 62)
    _waiting: list[tuple[int, str, One]] = field(default_factory=list)

    def __len__(self) -> int:
        """Rows that wait."""
        return len(self._waiting)

    def time(self, at: int) -> int:
        """The time at which an exchange of time `at` counts, if it comes now."""
        self.newest = max(self.newest, at)
        open_from = self.newest - self.lateness
        self.late += at < open_from
        return max(at, open_from)

    def put(self, row: One) -> Iterator[One]:
        """Take a row whose `at` came from `time`; the rows that no later one can precede, in order."""
        self.hold(row)
        yield from self.until(self.newest - self.lateness)

    def rest(self) -> Iterator[One]:
        return self.until(math.inf)

    def hold(self, row: One) -> None:
        """As `put`, for one who asks for the rows by `until`."""
        heapq.heappush(self._waiting, (row.at, row.id, row))

    def until(self, at: float) -> Iterator[One]:
        """The rows before `at`, in order; who asks knows that none of before it is to come."""
        while self._waiting and self._waiting[0][0] < at:
            yield heapq.heappop(self._waiting)[2]


@dataclass(slots=True)
class Once:
    """Each id once: what came within the last `remember` microseconds is a duplicate, and counted. `first` is the id of
    the first one.
    """

    remember: int
    duplicates: int = 0
    first: str | None = None
    _ids: set[str] = field(default_factory=set)
    _order: deque[tuple[int, str]] = field(default_factory=deque)

    @classmethod
    def of(cls, settings: DetectSettings) -> Self:
        return cls(_REMEMBER * settings.lateness)

    def has_new(self, row: Placed) -> bool:
        """Whether the id of an ordered row is none of those before it."""
        while self._order and self._order[0][0] < row.at - self.remember:
            self._ids.discard(self._order.popleft()[1])
        if row.id in self._ids:
            self.duplicates += 1
            self.first = self.first or row.id
            return False
        self._ids.add(row.id)
        self._order.append((row.at, row.id))
        return True


@dataclass(slots=True)
class Ticks:
    """Cuts ordered rows into ticks: whenever a multiple of `length` microseconds or `most` rows are over.

    A row is dropped if it comes another time, as `once` says.
    """

    length: int
    most: int
    once: Once

    @classmethod
    def of(cls, settings: DetectSettings) -> Self:
        return cls(int(settings.tick_seconds * 1e6), settings.tick_exchanges, Once.of(settings))

    def cut(self, rows: Iterable[Row]) -> Iterator[list[Row]]:
        tick: list[Row] = []
        for row in rows:
            if tick and (row.at // self.length != tick[0].at // self.length or len(tick) >= self.most):
                yield tick
                tick = []
            if self.once.has_new(row):
                tick.append(row)
        if tick:
            yield tick
