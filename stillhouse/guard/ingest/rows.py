"""Files of other programs as rows, one at a time, whatever their size.

A row that cannot be read is given out as a Fault and the next one is read; only what ends all reading (a corrupt
archive, a value that is larger than memory should hold) raises.
"""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import zstandard

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.csv_rows import csv_records
from stillhouse.guard.ingest.json_text import decode
from stillhouse.guard.ingest.json_values import LONGEST, json_lines, json_values
from stillhouse.guard.ingest.outcome import Fault

__all__ = ["Row", "read_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One decoded row and where it stands. `raw` is its text, None where it had another form than JSON."""

    place: str
    value: Any
    raw: bytes | None = None

    def fault(self, reason: str) -> Fault:
        """This row as one that cannot be read."""
        raw = orjson.dumps(self.value) if self.raw is None else self.raw
        return Fault(self.place, reason.removeprefix(f"{self.place}: "), raw.decode(errors="backslashreplace"))


def read_rows(path: Path, *, lines_only: bool = False, csv: bool = False) -> Iterator[Row | Fault]:
    """Rows of JSON Lines, of objects one after the other (also spread over lines), or of a JSON array of objects.

    `lines_only`: one row a line whatever the first line looks like. `csv`: a file that does not begin like JSON is
    read as CSV with a header. A name that ends in `.gz` or `.zst` is unpacked on the way. RecordError where the file
    is missing, is not what its name says, or holds one value above 64 MiB.
    """
    shown = os.fsencode(path).decode(errors="backslashreplace")
    if not path.is_file():
        raise RecordError(f"{shown}: no such file; give the path of a log")
    try:
        with _opened(path) as file:
            first = file.peek(1 << 16)[: 1 << 16].removeprefix(b"\xef\xbb\xbf").lstrip()
            if csv and first[:1] not in (b"", b"{", b"["):
                yield from _csv(file, shown)
            else:
                yield from _json(file, shown, spread=not lines_only and _is_spread(first))
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        raise RecordError(f"{shown}: cannot be unpacked ({error}); give a whole file") from None
    except OSError as error:
        raise RecordError(f"{shown}: cannot be read ({error.strerror}); give a file that you may read") from None


def _opened(path: Path) -> io.BufferedReader:
    if path.name.endswith(".gz"):
        return io.BufferedReader(gzip.GzipFile(path, "rb"), 1 << 16)
    file = path.open("rb")
    if path.name.endswith(".zst"):
        unpacked = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return io.BufferedReader(unpacked, 1 << 16)
    return file


def _is_spread(first: bytes) -> bool:
    """Whether values do not stand one a line: an array, or an object whose first line goes on."""
    line = first.partition(b"\n")[0].rstrip()
    return line.startswith(b"[") or line == b"{"


def _json(file: io.BufferedReader, shown: str, spread: bool) -> Iterator[Row | Fault]:
    for number, raw, reason in json_values(file) if spread else json_lines(file):
        place = f"{shown}:{number}"
        if reason == "too long":
            raise RecordError(f"{place}: one value of more than {LONGEST >> 20} MiB; split it, or leave it out")
        try:
            yield Row(place, decode(raw), raw) if reason is None else Fault(place, reason, _text(raw))
        except ValueError as error:
            yield Fault(place, str(error), _text(raw))


def _csv(file: io.BufferedReader, shown: str) -> Iterator[Row | Fault]:
    for number, record, reason in csv_records(file):
        place = f"{shown}:{number}"
        yield Row(place, record) if reason is None else Fault(place, reason, repr(record) if record else "")


def _text(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")
