"""Exchanges from Parquet: the same columns, nested ones as structs or as JSON text.

pyarrow is a dependency of the `distill` extra only, so it is imported when a Parquet log is opened.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from stillhouse.errors import RecordError
from stillhouse.records.times import microseconds

__all__ = ["ParquetPart", "parquet_parts", "read_parquet_records"]

_NESTED = ("request", "response", "usage", "client", "registration")
_BATCH = 1024


class ParquetPart(NamedTuple):
    """Rows `start` to `stop` of one row group; its first one is row `first` of the file, from 1.

    `ends` is about when its last row is, in microseconds, by the statistics of column `time`; None where there are
    none.
    """

    group: int
    start: int
    stop: int
    first: int
    ends: int | None


def parquet_parts(path: Path, head: int, most: int) -> Iterator[ParquetPart]:
    """The file in parts that can be read each by itself: one of at most `head` rows, then of at most `most`.

    RecordError as in reading. Only the file's footer is read.
    """
    with _opened(path) as file:
        about = file.metadata
    before, longest = 0, head
    for group in range(about.num_row_groups):
        rows = about.row_group(group).num_rows
        times = _times(about.row_group(group))
        start = 0
        while start < rows:
            stop = min(start + longest, rows)
            ends = None if times is None else times[0] + (times[1] - times[0]) * stop // rows
            yield ParquetPart(group, start, stop, before + start + 1, ends)
            start, longest = stop, most
        before += rows


def read_parquet_records(path: Path, part: ParquetPart | None = None) -> Iterator[dict[str, Any]]:
    """One mapping a row, of the file or of one part, in the form of a JSON line: times as RFC 3339 text, nested columns
    as mappings.

    A nested column that is neither a struct nor a JSON object is left as it is, for the check of the record
    to name. Raises RecordError where pyarrow is missing or the file is not Parquet.
    """
    with _opened(path) as file:
        if part is None:
            batches = file.iter_batches(batch_size=_BATCH)
        else:
            batches = _slices(file.iter_batches(batch_size=_BATCH, row_groups=[part.group]), part.start, part.stop)
        for batch in batches:
            for row in batch.to_pylist():
                yield _as_line(row)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError:
        raise RecordError(
            f"{path}: reading Parquet needs pyarrow; install it (pip install 'stillhouse[distill]') or give JSONL"
        ) from None
    try:
        with ParquetFile(path) as file:
            yield file
    except (ArrowException, OSError) as error:
        raise RecordError(f"{path}: not a Parquet file, or a damaged one ({error}); give another log") from None


def _slices(batches: Iterable[Any], start: int, stop: int) -> Iterator[Any]:
    """Rows `start` to `stop` of consecutive batches."""
    at = 0
    for batch in batches:
        behind = at + batch.num_rows
        if behind > start:
            yield batch.slice(max(start - at, 0), min(stop, behind) - max(start, at))
        if behind >= stop:
            return
        at = behind


def _times(group: Any) -> tuple[int, int] | None:
    """Earliest and latest time of a row group, where its statistics say."""
    for index in range(group.num_columns):
        column = group.column(index)
        if column.path_in_schema == "time" and column.is_stats_set and column.statistics.has_min_max:
            ends = [microseconds(_rfc3339(one)) for one in (column.statistics.min, column.statistics.max)]
            return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])
    return None


def _as_line(row: dict[str, Any]) -> dict[str, Any]:
    record = {name: value for name, value in row.items() if value is not None}
    if isinstance(record.get("time"), datetime):
        record["time"] = _rfc3339(record["time"])
    for name in _NESTED:
        text = record.get(name)
        if isinstance(text, str | bytes):
            try:
                record[name] = json.loads(text if isinstance(text, str) else text.decode())
            except ValueError:
                continue  # no JSON, or no UTF-8
    return record


def _rfc3339(time: Any) -> str:
    """Text of a moment that may be text already. Parquet timestamps without a zone are UTC by the format's rule."""
    if not isinstance(time, datetime):
        return str(time)
    zoned = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return zoned.isoformat().replace("+00:00", "Z")
