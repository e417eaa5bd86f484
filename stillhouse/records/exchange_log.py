"""A log of exchanges: the one thing that serving, replaying and proving hand to each other.

It only grows. One writer at a time holds it (a lock says so), each append is whole or absent, and a reader
never trusts a line: it is checked, and a faulty one is fatal or, where the caller asks, set aside and counted.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stillhouse.errors import RecordError
from stillhouse.records.exchange import exchange_from_record, exchange_to_record
from stillhouse.records.exchange_parquet import read_parquet_records
from stillhouse.records.files import (
    append_bytes,
    append_jsonl,
    decode_line,
    digest_file,
    disk_errors,
    encode_line,
    lock_for_writing,
    open_for_append,
    read_errors,
)
from stillhouse.records.zstd_lines import compress_frame, end_of_last_frame, read_zstd_lines, whole_lines_behind
from stillhouse.types import Exchange

__all__ = ["Entry", "ExchangeLog", "RejectedLines"]

_FRAME_BYTES = 1 << 20

Entry = tuple[int, bytes | dict[str, Any] | None]
"""(Line or row from 1, what stands there); blank lines are passed over, None is an unfinished frame."""


class RejectedLines:
    """Where faulty lines of one reading are set aside: `{"place", "reason", "line"}` a line, and a count.

    Lines hold what people asked, so the file is its owner's alone. `first` is the first fault. `unfinished` are logs
    that end inside a line or a zstd frame: what is missing there is no line, and in none of the others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: str | None = None
        self.unfinished: list[str] = []
        self._parts: dict[int, RejectedLines] = {}

    def add(self, place: str, reason: str, line: str | None) -> None:
        """Set one line aside; None is the end of a log that was cut off. The first one replaces what an earlier reading
        left in the file.
        """
        if line is None:
            self.unfinished.append(f"{place}: {reason}")
            return
        if self.first is None:
            self.path.unlink(missing_ok=True)
            self.first = f"{place}: {reason}"
        self.count += 1
        append_jsonl(self.path, {"place": place, "reason": reason, "line": line}, mode=0o600)

    def part(self, number: int) -> "RejectedLines":
        """For the lines of one of several logs that are read at a time. They are in the file after `join`."""
        return self._parts.setdefault(number, RejectedLines(self.path.with_name(f"{self.path.name}.{number}")))

    def join(self) -> None:
        """Take in the parts by their numbers, so that the file does not show how the reader went from log to log."""
        for _, part in sorted(self._parts.items()):
            self.unfinished += part.unfinished
            if part.count:
                with part.path.open("rb") as lines:
                    for line in lines:
                        self.add(**json.loads(line))
                part.path.unlink()
        self._parts.clear()


class ExchangeLog:
    """`stillhouse.exchange/1` in `.jsonl`, `.jsonl.zst` (appended frames) or `.parquet` (reading only).

    Iterating yields every Exchange in file order. A faulty line raises RecordError with `file:line`; with
    `rejected` it is set aside there instead and reading goes on. Use as a context manager when appending.
    `decode` reads one line of JSON (see `decode_line`).
    """

    def __init__(
        self,
        path: Path,
        *,
        rejected: RejectedLines | None = None,
        decode: Callable[[bytes, str], Any] = decode_line,
    ) -> None:
        if not path.name.endswith((".jsonl", ".jsonl.zst", ".parquet")):
            raise RecordError(f"{path}: not a log by its name; it must end in .jsonl, .jsonl.zst or .parquet")
        self.path = path
        self._rejected = rejected
        self._decode = decode
        self._descriptor: int | None = None

    def append(self, exchange: Exchange, *, sync: bool = False) -> None:
        """Add one exchange; with `sync` it is on disk when this returns."""
        self.extend([exchange], sync=sync)

    def extend(self, exchanges: Iterable[Exchange], *, sync: bool = False) -> None:
        """Add many in writes of about a mebibyte of lines, which zstd packs far better than single ones.

        Raises StorageError if the disk refuses: what was written before stays, the refused part is taken back.
        """
        descriptor = self._open()
        pending = bytearray()
        for exchange in exchanges:
            pending += encode_line(exchange_to_record(exchange))
            if len(pending) >= _FRAME_BYTES:
                self._write(descriptor, bytes(pending), sync)
                pending.clear()
        if pending:
            self._write(descriptor, bytes(pending), sync)

    def digest(self) -> str:
        """`sha256:<hex>` of the file: what a certificate quotes. RecordError where it cannot be read."""
        with read_errors(self.path):
            return digest_file(self.path)

    def close(self) -> None:
        """End appending and free the lock; appending again opens the log again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __iter__(self) -> Iterator[Exchange]:
        return self.exchanges(self.entries())

    def exchanges(self, entries: Iterable[Entry]) -> Iterator[Exchange]:
        """Those that `entries` of this log hold; a faulty entry is fatal or set aside, as in iterating."""
        for number, raw in entries:
            place = f"{self.path}:{number}"
            try:
                exchange = exchange_from_record(self._decoded(number, raw, place), place)
            except RecordError as fault:
                if self._rejected is None:
                    raise
                shown = None if isinstance(fault, _CutError) or raw is None else _shown(raw)
                self._rejected.add(place, str(fault).removeprefix(f"{place}: "), shown)
            else:
                yield exchange

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded(self, number: int, raw: bytes | dict[str, Any] | None, place: str) -> object:
        if raw is None:
            raise _CutError(_cut(place, "a zstd frame", number))
        if not isinstance(raw, bytes):
            return raw
        try:
            return self._decode(raw, place)
        except RecordError:
            # A line of a .zst comes without its end.
            if self._is_zstd or raw.endswith(b"\n"):
                raise
            raise _CutError(_cut(place, "a line", number)) from None

    @property
    def _is_zstd(self) -> bool:
        return self.path.name.endswith(".zst")

    def entries(self) -> Iterator[Entry]:
        """Every line or row of the file, undecoded. RecordError where the file cannot be read as what its name says."""
        with read_errors(self.path):
            yield from self._entries()

    def _entries(self) -> Iterator[Entry]:
        if not self.path.is_file():
            raise RecordError(f"{self.path}: no such log; give the path of a .jsonl, .jsonl.zst or .parquet file")
        if self.path.suffix == ".parquet":
            yield from enumerate(read_parquet_records(self.path), start=1)
        elif self._is_zstd:
            for number, line in enumerate(read_zstd_lines(self.path), start=1):
                if line is None or line.strip():
                    yield number, line
        else:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield number, line

    def _open(self) -> int:
        if self._descriptor is None:
            if self.path.suffix == ".parquet":
                raise RecordError(f"{self.path}: Parquet logs are only read; append to a .jsonl or .jsonl.zst file")
            with disk_errors(self.path, 0):
                self._descriptor = self._open_zstd() if self._is_zstd else open_for_append(self.path)
        return self._descriptor

    def _open_zstd(self) -> int:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            lock_for_writing(descriptor, self.path)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                end = end_of_last_frame(file, self.path)
                saved = whole_lines_behind(file, end, self.path)
            os.ftruncate(descriptor, end)
            if saved:
                self._write(descriptor, saved, sync=True)
        except (OSError, RecordError):
            os.close(descriptor)
            raise
        return descriptor

    def _write(self, descriptor: int, lines: bytes, sync: bool) -> None:
        append_bytes(descriptor, self.path, compress_frame(lines) if self._is_zstd else lines, sync=sync)


class _CutError(RecordError):
    """The log ends before its line does."""


def _cut(place: str, inside: str, number: int) -> str:
    return (
        f"{place}: the log ends inside {inside} (an interrupted write or copy), {number - 1:,} lines were read; "
        "copy it again, or, where its writer was killed, append to it"
    )


def _shown(raw: bytes | dict[str, Any]) -> str:
    return raw.decode(errors="backslashreplace").rstrip("\n") if isinstance(raw, bytes) else repr(raw)
