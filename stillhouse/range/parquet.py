"""Exchanges as Parquet, nested columns as JSON text: what `ExchangeLog` reads, and what column stores take.

pyarrow is a dependency of the `distill` extra only, so it is imported when such a file is written.
"""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from stillhouse.errors import ConfigError
from stillhouse.records import disk_errors, exchange_to_record
from stillhouse.types import Exchange

__all__ = ["write_parquet"]

_TEXT = ("v", "id", "time", "account", "organisation", "key", "model", "api")
_NESTED = ("request", "response", "usage", "client", "registration")
_ROWS = 4096  # of one group


def write_parquet(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Write `exchanges` to a new file at `path`, a few thousand rows at a time.

    Raises ConfigError where pyarrow is missing, StorageError where the disk refuses.
    """
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ModuleNotFoundError:
        raise ConfigError(
            "output.format 'parquet' needs pyarrow; install it (pip install 'stillhouse[distill]') or choose jsonl.zst"
        ) from None
    columns = [(name, pyarrow.string()) for name in (*_TEXT, *_NESTED)]
    schema = pyarrow.schema([*columns, ("status", pyarrow.int32()), ("latency_ms", pyarrow.float64())])
    rows = iter(exchanges)
    with disk_errors(path, 0), ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := [_row(exchange) for exchange in islice(rows, _ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def _row(exchange: Exchange) -> dict[str, Any]:
    record = exchange_to_record(exchange)
    return {
        name: json.dumps(value, ensure_ascii=False) if name in _NESTED and value is not None else value
        for name, value in record.items()
    }
