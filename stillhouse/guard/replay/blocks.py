"""A log cut into blocks, each of which can become rows by itself, on whatever machine.

Of a Parquet file a block is a place, which workers read themselves. JSON lines have no places that could be found
without reading, so their bytes travel: reading lines is a fiftieth of the work of making rows of them. Every log
begins with a short block, because merging logs needs the first row of each, however many there are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stillhouse.errors import RecordError
from stillhouse.records.exchange_log import Entry, ExchangeLog
from stillhouse.records.exchange_parquet import ParquetPart, parquet_parts, read_parquet_records
from stillhouse.records.times import microseconds

__all__ = ["Block", "blocks"]

_HEAD = 64
_MOST = 2048
_MOST_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Block:
    """Some entries of the log at `path`: a part of a Parquet file, or lines with their numbers.

    `ends` is about when the last of them is, in microseconds: a hint of what will be needed next, no more. `fault`
    says why the log cannot be read any further; there are no entries then.
    """

    path: Path
    ends: int | None = None
    part: ParquetPart | None = None
    lines: tuple[Entry, ...] = ()
    fault: str | None = None

    def entries(self) -> Iterable[Entry]:
        """RecordError where they cannot be read."""
        if self.fault is not None:
            raise RecordError(self.fault)
        if self.part is not None:
            return enumerate(read_parquet_records(self.path, self.part), start=self.part.first)
        return self.lines


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of one log in its order; the last one tells of a fault, if there is one."""
    try:
        log = ExchangeLog(path)
        if path.suffix == ".parquet":
            for part in parquet_parts(path, _HEAD, _MOST):
                yield Block(path, part.ends, part=part)
        else:
            yield from _of_lines(log)
    except RecordError as error:
        yield Block(path, fault=str(error))


def _of_lines(log: ExchangeLog) -> Iterator[Block]:
    lines: list[Entry] = []
    most, size = _HEAD, 0
    for number, line in log.entries():
        lines.append((number, line))
        size += len(line or b"")
        if len(lines) >= most or size >= _MOST_BYTES:
            yield Block(log.path, _time(line), lines=tuple(lines))
            lines, most, size = [], _MOST, 0
    if lines:
        yield Block(log.path, _time(lines[-1][1]), lines=tuple(lines))


def _time(line: Any) -> int | None:
    try:
        time = orjson.loads(line or b"null")["time"]
        return microseconds(time)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
