"""Rows of CSV, JSONL and YAML files, also zstd-compressed, each with its place: the formats of public prompt sets."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml
import zstandard

from stillhouse.errors import RecordError
from stillhouse.yaml_text import parse_yaml, yaml_fault

__all__ = ["Row", "read_rows", "read_text"]

Row: TypeAlias = Mapping[str, Any]
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SUFFIXES = ".csv, .jsonl, .yaml, each also with .zst"


def read_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """(`file:line`, row) of every row. Raises RecordError with the place for what cannot be read as a row."""
    suffixes = [s for s in path.suffixes if s != ".zst"]
    readers = {".csv": _csv, ".jsonl": _jsonl, ".yaml": _yaml, ".yml": _yaml, ".prompt": _yaml}
    if not suffixes or suffixes[-1] not in readers:
        raise RecordError(f"{path}: no known kind of prompt file; known: {_SUFFIXES}")
    return readers[suffixes[-1]](path, read_text(path))


def read_text(path: Path) -> str:
    """The text of a file, decompressed where its name ends in `.zst`. RecordError where it cannot be read."""
    try:
        data = path.read_bytes()
        return (_decompressed(data) if path.suffix == ".zst" else data).decode("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise RecordError(f"{path}: no such file; give the path of a {_SUFFIXES} file") from None
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); give the path of a readable file") from None
    except zstandard.ZstdError as error:
        raise RecordError(f"{path}: not valid zstd data ({error}); compress it again") from None
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None


def _decompressed(data: bytes) -> bytes:
    """All frames of `data`. A stream reader takes a frame that was cut off for a short one, so each has to end."""
    parts = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts.append(frame.decompress(data))
        if not frame.eof:
            raise zstandard.ZstdError("it ends within a frame")
        data = frame.unused_data
    return b"".join(parts)


def _csv(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    # A comment line may stand above the header; line numbers still count from the top of the file.
    skipped = 0
    while text.startswith("#"):
        text = text.partition("\n")[2]
        skipped += 1
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            # The reader stands at a row's last line, and a quoted field may have several.
            place, line = f"{path}:{skipped + line + 1}", reader.line_num
            if None in row or None in row.values():
                raise RecordError(f"{place}: has another number of fields than the header; mend or remove the row")
            yield place, row
    except csv.Error as error:
        raise RecordError(f"{path}:{skipped + line + 1}: not CSV ({error}); mend the row") from None


def _jsonl(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise RecordError(f"{path}:{number}: not JSON ({error.msg}, column {error.colno}); mend the line") from None
        except (RecursionError, ValueError):
            # Python reads no deeper nesting, and no number of more than 4,300 digits.
            raise RecordError(f"{path}:{number}: too deep, or has too long a number; mend the line") from None
        if not isinstance(row, dict):
            raise RecordError(f"{path}:{number}: holds a {type(row).__name__}, not a JSON object; mend the line")
        if _SURROGATE.search(line) and not _is_text(row):
            raise RecordError(f"{path}:{number}: holds half of a surrogate pair, which is no text; mend the line")
        yield f"{path}:{number}", row


def _is_text(row: Row) -> bool:
    """Whether all texts in `row` can be written as UTF-8: a JSON escape can name half of a character."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _yaml(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    try:
        data = parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        raise RecordError(yaml_fault(path, error)) from None
    seeds = data.get("seeds") if isinstance(data, dict) else None
    if not isinstance(seeds, list):
        raise RecordError(f"{path}: has no list `seeds`; give a file of PyRIT's layout")
    for number, row in enumerate(seeds, start=1):
        if not isinstance(row, dict):
            raise RecordError(f"{path}: seed {number}: holds a {type(row).__name__}, not a mapping; mend it")
        yield f"{path}: seed {number}", row
