"""A table of short keys that outgrows memory without harm: which ids were seen, which requests wait for their answer.

A set of 10^7 ids takes a gigabyte of Python objects. SQLite keeps 64 MiB of them in memory and the rest in a file
that has no name and goes when the process does.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from stillhouse.errors import StorageError

__all__ = ["DiskTable"]


class DiskTable:
    """Text keys to bytes. Keys are kept as 128-bit digests. Use as a context manager.

    StorageError where the disk of temporary files (TMPDIR) is full.
    """

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA cache_size = -65536",
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE held (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
            "BEGIN",
        ):
            self._base.execute(statement)

    def add(self, key: str, value: bytes = b"") -> bool:
        """Keep it; False if the key is there already, and then its value stays as it was."""
        return self._run("INSERT OR IGNORE INTO held VALUES (?, ?)", _digest(key), value).rowcount == 1

    def pop(self, key: str) -> bytes | None:
        """The value of the key, which is taken out; None if it is not there."""
        digest = _digest(key)
        found = self._run("SELECT value FROM held WHERE key = ?", digest).fetchone()
        if found is None:
            return None
        self._run("DELETE FROM held WHERE key = ?", digest)
        return bytes(found[0])

    def values(self) -> Iterator[bytes]:
        """All values, in no order that means anything."""
        for (value,) in self._run("SELECT value FROM held"):
            yield bytes(value)

    def close(self) -> None:
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, statement: str, *values: bytes) -> sqlite3.Cursor:
        try:
            return self._base.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise StorageError(f"temporary files: {error}; free space there, or set TMPDIR to another disk") from error


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
