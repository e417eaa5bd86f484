"""Exchanges from Parquet: the same columns, nested ones as structs or as JSON text.

pyarrow is a dependency of the `distill` extra only, so it is imported when a Parquet log is opened.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError

__all__ = ["read_parquet_records"]

_NESTED = ("request", "response", "usage", "client", "registration")


def read_parquet_records(path: Path) -> Iterator[dict[str, Any]]:
    """One mapping a row, in the form of a JSON line: times as RFC 3339 text, nested columns as mappings.

    A nested column that is neither a struct nor a JSON object is left as it is, for the check of the record
    to name. Raises RecordError where pyarrow is missing or the file is not Parquet.
    """
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError:
        raise RecordError(
            f"{path}: reading Parquet needs pyarrow; install it (pip install 'stillhouse[distill]') or give JSONL"
        ) from None
    try:
        file = ParquetFile(path)
    except ArrowInvalid as error:
        raise RecordError(f"{path}: not a Parquet file ({error}); give another log") from None
    with file:
        for batch in file.iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                yield _as_line(row)


def _as_line(row: dict[str, Any]) -> dict[str, Any]:
    record = {name: value for name, value in row.items() if value is not None}
    time = record.get("time")
    if isinstance(time, datetime):
        # Parquet timestamps without a zone are UTC by the format's rule.
        zoned = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        record["time"] = zoned.isoformat().replace("+00:00", "Z")
    for name in _NESTED:
        if isinstance(record.get(name), str):
            try:
                record[name] = json.loads(record[name])
            except json.JSONDecodeError:
                continue
    return record
