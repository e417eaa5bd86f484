"""One block in, its rows out: the work that may be done anywhere. What depends on order is left to whoever asks.

Rows travel as plain tuples: those unpickle in a microsecond each, tuples with names in three.
"""

from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Any, NamedTuple

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.row import Row
from stillhouse.guard.replay.blocks import Block
from stillhouse.guard.replay.needed import NEEDED, has
from stillhouse.guard.replay.reading import Logs, decoded, time_of
from stillhouse.records import ExchangeLog, RejectedLines
from stillhouse.types import Exchange

__all__ = ["Made", "Rejected", "rows_of_block", "unpacked"]


class Rejected(NamedTuple):
    """A faulty entry: how many rows of its block stand before it, where it is, why, and what it says."""

    before: int
    place: str
    reason: str
    line: str | None


class Made(NamedTuple):
    """`rows` are the fields of `Row`, with the time that the exchange itself gives, in the order of the log.

    `absent` is what features need and no exchange had. `fault` is why the block ends here, if it was cut short.
    """

    rows: list[tuple[Any, ...]]
    rejected: list[Rejected]
    absent: frozenset[str]
    fault: str | None


class _Noted(RejectedLines):
    def __init__(self, path: Path, rows: Sized) -> None:
        super().__init__(path)
        self.found: list[Rejected] = []
        self._rows = rows

    def add(self, place: str, reason: str, line: str | None) -> None:
        self.found.append(Rejected(len(self._rows), place, reason, line))


def rows_of_block(block: Block, extractor: Extractor) -> Made:
    """Never raises for what a log may hold."""
    dated: list[tuple[Exchange, int]] = []
    noted = _Noted(block.path, dated)
    absent = set(NEEDED)
    fault = None
    try:
        for exchange in ExchangeLog(block.path, rejected=noted, decode=decoded).exchanges(block.entries()):
            if absent:
                absent -= {name for name in absent if has(exchange, name)}
            dated.append((exchange, time_of(exchange)))
    except RecordError as error:
        fault = str(error)
    rows = [tuple(row) for row in extractor.rows(dated)]
    return Made(rows, noted.found, frozenset(absent), fault)


def unpacked(made: Made, logs: Logs, number: int) -> Iterator[Row]:
    """The rows of a block of the log of that number. Faulty entries are set aside between those rows where they stood.

    RecordError for a fault, and for a faulty entry where none may be.
    """
    logs.absent &= made.absent
    done = 0
    for faulty in made.rejected:
        yield from map(Row._make, made.rows[done : faulty.before])
        logs.reject(number, faulty.place, faulty.reason, faulty.line)
        done = faulty.before
    yield from map(Row._make, made.rows[done:])
    if made.fault is not None:
        raise RecordError(made.fault)
