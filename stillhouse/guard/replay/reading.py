"""Logs in, ordered rows out: files, and folders of segments, each in nearly the order of time."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Ordering
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features import origin
from stillhouse.records import ExchangeLog, RejectedLines, digest_file
from stillhouse.records.files import decode_line
from stillhouse.records.times import microseconds
from stillhouse.types import Exchange

__all__ = ["Logs", "find_logs"]

_ENDINGS = (".jsonl", ".jsonl.zst", ".parquet")
_NEEDED = (*origin.NEEDS, "client.user_agent")
_DAY = 86_400_000_000


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
    absent: set[str] = field(default_factory=lambda: set(_NEEDED))
    """What features need and no exchange had, by name."""
    left_out: set[str] = field(default_factory=set)
    _read: set[Path] = field(default_factory=set)

    def __iter__(self) -> Iterator[Exchange]:
        """Every exchange, file by file."""
        for path in self.files:
            for exchange, _ in self._dated(path):
                yield exchange

    def rows(self, extractor: Extractor) -> Iterator[Row]:
        """The rows of all files in the order of time and id."""
        self.exchanges = self.late = self.skewed = 0
        orderings = [Ordering(self.lateness) for _ in self.files]
        parts = [self._ordered(path, order, extractor) for path, order in zip(self.files, orderings, strict=True)]
        yield from heapq.merge(*parts, key=lambda row: (row.at, row.id))
        self.late = sum(order.late for order in orderings)

    def digests(self) -> dict[str, str]:
        return {str(path): digest_file(path) for path in self.files}

    def _ordered(self, path: Path, order: Ordering, extractor: Extractor) -> Iterator[Row]:
        for exchange, at in self._dated(path):
            self.exchanges += 1
            if self.absent:
                self.absent -= {name for name in self.absent if _has(exchange, name)}
            yield from order.put(extractor.row(exchange, order.time(at)))
        yield from order.rest()

    def _dated(self, path: Path) -> Iterator[tuple[Exchange, int]]:
        """Exchanges with their times. One that is a day ahead of all before it and of the next has a wrong clock."""
        newest: int | None = None
        held: tuple[Exchange, int] | None = None
        for exchange in self._exchanges(path):
            at = microseconds(exchange.time)
            assert at is not None, "the log checks times"
            if held is not None:
                if at < held[1] - _DAY:
                    self._set_aside(path, held[0])
                else:
                    yield held
                    newest = held[1]
                held = None
            if newest is not None and at > newest + _DAY:
                held = exchange, at
            else:
                yield exchange, at
                newest = at if newest is None else max(newest, at)
        if held is not None:
            yield held

    def _exchanges(self, path: Path) -> Iterable[Exchange]:
        """Faulty lines are set aside at the first reading; further readings pass over them in silence."""
        first = path not in self._read
        for exchange in ExchangeLog(path, rejected=self.rejected if first else _silent(self.rejected), decode=_decoded):
            if exchange.account in self.without:
                self.left_out.add(exchange.account)
            else:
                yield exchange
        self._read.add(path)

    def _set_aside(self, path: Path, exchange: Exchange) -> None:
        reason = f"time {exchange.time} is more than a day ahead of the exchanges before and behind it (clock skew)"
        place = f"{path}: exchange {exchange.id}"
        if self.rejected is None:
            raise RecordError(f"{place}: {reason}; mend its time, or set such lines aside")
        self.skewed += 1
        if path not in self._read:
            self.rejected.add(place, reason, "")


class _Silent(RejectedLines):
    def add(self, place: str, reason: str, line: str) -> None:
        """Known already."""


def _decoded(line: bytes, place: str) -> Any:
    """As `decode_line`, in a fifth of its time. An integer of more than 64 bits may become a float: none is counted."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return decode_line(line, place)


def _silent(rejected: RejectedLines | None) -> RejectedLines | None:
    return None if rejected is None else _Silent(rejected.path)


def _has(exchange: Exchange, name: str) -> bool:
    part, _, field_name = name.partition(".")
    return getattr(exchange, part).get(field_name) is not None
