"""Logs in, ordered rows out: files, and folders of segments, each in nearly the order of time."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Ordering
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features import origin
from stillhouse.guard.replay.dated import Dated
from stillhouse.records import ExchangeLog, RejectedLines, digest_file
from stillhouse.records.files import decode_line
from stillhouse.records.times import microseconds, rfc3339
from stillhouse.types import Exchange

__all__ = ["NEEDED", "Logs", "decoded", "find_logs", "has", "time_of"]

_ENDINGS = (".jsonl", ".jsonl.zst", ".parquet")
NEEDED = (*origin.NEEDS, "client.user_agent")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


One = TypeVar("One", bound=_HasId)


def find_logs(given: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, sorted and each once. RecordError where there are none.

    Of a folder those that begin with `exchanges`, as gateways and `range traffic` name them; all logs where none does.
    """
    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            logs = sorted(one for one in path.iterdir() if one.name.endswith(_ENDINGS))
            inside = [one for one in logs if one.name.startswith("exchanges")] or logs
            if not inside:
                raise RecordError(f"{path}: no log in this folder; logs end in {', '.join(_ENDINGS)}")
            found.update(dict.fromkeys(inside))
        elif not path.exists():
            raise RecordError(f"{path}: no such log; give a file or a folder of segments")
        else:
            found[path] = None
    return list(found)


@dataclass(slots=True)
class Logs:
    """Files to read, more than once if need be. `lateness` in microseconds.

    `late` counts exchanges of the last reading that stood further behind the newest of their file than the lateness and
    count at the last moment that was open; `skewed` those set aside for a clock that had run ahead by more than a day.
    """

    files: Sequence[Path]
    lateness: int
    rejected: RejectedLines | None = None
    without: frozenset[str] = frozenset()
    """Accounts that are passed over, and of these in `left_out` those that were there."""
    exchanges: int = 0
    late: int = 0
    skewed: int = 0
    absent: set[str] = field(default_factory=lambda: set(NEEDED))
    """What features need and no exchange had, by name."""
    left_out: set[str] = field(default_factory=set)
    _read: set[Path] = field(default_factory=set)

    def __iter__(self) -> Iterator[Exchange]:
        """Every exchange, file by file."""
        for path in self.files:
            for exchange, _ in self._dated(path, self._exchanges(path)):
                yield exchange

    def rows(self, extractor: Extractor) -> Iterator[Row]:
        """The rows of all files in the order of time and id."""
        return self.merged([self._exchanges(path) for path in self.files], extractor.row)

    def merged(self, read: Iterable[Iterable[tuple[One, int]]], row: Callable[[One, int], Row]) -> Iterator[Row]:
        """The same of what was read of each file, in its order and with its times; `row` makes the row of one that
        counts at a time.
        """
        self.exchanges = self.late = self.skewed = 0
        orderings = [Ordering(self.lateness) for _ in self.files]
        parts = [
            self._ordered(self._dated(path, one), order, row)
            for path, one, order in zip(self.files, read, orderings, strict=True)
        ]
        yield from heapq.merge(*parts, key=lambda row: (row.at, row.id))
        self.late = sum(order.late for order in orderings)

    def digests(self) -> dict[str, str]:
        return {str(path): digest_file(path) for path in self.files}

    def reject(self, place: str, reason: str, line: str) -> None:
        """Set a faulty entry aside. RecordError where that is not wanted."""
        if self.rejected is None:
            raise RecordError(f"{place}: {reason}")
        self.rejected.add(place, reason, line)

    def _ordered(
        self, dated: Iterable[tuple[One, int]], order: Ordering, row: Callable[[One, int], Row]
    ) -> Iterator[Row]:
        for one, at in dated:
            self.exchanges += 1
            yield from order.put(row(one, order.time(at)))
        yield from order.rest()

    def _dated(self, path: Path, read: Iterable[tuple[One, int]]) -> Iterator[tuple[One, int]]:
        """What was read, less what has a wrong clock."""
        dated = Dated[One](lambda one, at: self._set_aside(path, one, at))
        for one, at in read:
            yield from dated.put(one, at)
        yield from dated.rest()

    def _exchanges(self, path: Path) -> Iterator[tuple[Exchange, int]]:
        """Exchanges with their times.

        Faulty lines are set aside at the first reading; further readings pass over them in silence.
        """
        first = path not in self._read
        for one in ExchangeLog(path, rejected=self.rejected if first else _silent(self.rejected), decode=decoded):
            if one.account in self.without:
                self.left_out.add(one.account)
                continue
            if self.absent:
                self.absent -= {name for name in self.absent if has(one, name)}
            yield one, time_of(one)
        self._read.add(path)

    def _set_aside(self, path: Path, one: One, at: int) -> None:
        reason = (
            f"time {rfc3339(at // 1000)} is more than a day ahead of the exchanges before and behind it (clock skew)"
        )
        place = f"{path}: exchange {one.id}"
        if self.rejected is None:
            raise RecordError(f"{place}: {reason}; mend its time, or set such lines aside")
        self.skewed += 1
        if path not in self._read:
            self.rejected.add(place, reason, "")


class _Silent(RejectedLines):
    def add(self, place: str, reason: str, line: str) -> None:
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


def _silent(rejected: RejectedLines | None) -> RejectedLines | None:
    return None if rejected is None else _Silent(rejected.path)


def has(exchange: Exchange, name: str) -> bool:
    """Whether it has the field `name`, as in NEEDED."""
    part, _, field_name = name.partition(".")
    return getattr(exchange, part).get(field_name) is not None
