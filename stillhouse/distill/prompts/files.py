"""Prompt files by path: JSONL (also zstd-compressed), a JSON array, Parquet.

Rows are read one at a time and every fault names its place, because a prompt file is usually made by
somebody else's script and the one bad line in a million is what the user needs to see.
"""

import importlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from stillhouse.distill.prompts.prompt import Prompt
from stillhouse.distill.prompts.rows import FORMATS, parse_row
from stillhouse.errors import RecordError

__all__ = ["read_prompts"]

SUFFIXES = ".jsonl, .json, .parquet, .jsonl.zst, .json.zst"


def read_prompts(path: Path) -> Iterator[Prompt]:
    """Every row of `path` as a prompt, in order, duplicates included.

    Raises RecordError (`file:line: ...`; `file: row N: ...` for Parquet and JSON arrays, counted from 1)
    for a missing or empty file, malformed JSON, a row of no known format, an empty text or a wrong role.
    """
    empty = True
    for place, row in _rows(path):
        empty = False
        yield replace(parse_row(row, place), place=place)
    if empty:
        raise RecordError(f"{path}: holds no prompt; add rows with {FORMATS}")


def _rows(path: Path) -> Iterator[tuple[str, object]]:
    if not path.is_file():
        raise RecordError(f"{path}: no such prompt file; give the path of a {SUFFIXES} file")
    suffixes = path.suffixes[-2:] if path.suffix == ".zst" else path.suffixes[-1:]
    match suffixes:
        case [".parquet"]:
            return _parquet(path)
        case [".jsonl", *_]:
            return _jsonl(path)
        case [".json", *_]:
            return _json_array(path)
    raise RecordError(f"{path}: suffix '{''.join(suffixes)}' is no known prompt file; known: {SUFFIXES}")


def _jsonl(path: Path) -> Iterator[tuple[str, object]]:
    with _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                place = f"{path}:{number}"
                # A newline at its end would put a fault that is found there on the next line.
                yield place, _decode(line.rstrip(), place, path, first_line=number)


def _json_array(path: Path) -> Iterator[tuple[str, object]]:
    with _open(path) as stream:
        content = stream.read()
    if not content.strip():
        return
    rows = _decode(content, str(path), path, first_line=1)
    if not isinstance(rows, list):
        raise RecordError(f"{path}: holds a {type(rows).__name__}, not an array of rows; name JSON lines .jsonl")
    for number, row in enumerate(rows, start=1):
        yield f"{path}: row {number}", row


def _parquet(path: Path) -> Iterator[tuple[str, object]]:
    pyarrow = importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise RecordError(f"{path}: not a Parquet file ({str(error).splitlines()[0]}); write it again") from None
    number = 0
    with file:
        for batch in file.iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                # A Parquet row has every column: a null is a key that the row does not have.
                yield f"{path}: row {number}", {key: value for key, value in row.items() if value is not None}


def _open(path: Path) -> BinaryIO:
    return io.BytesIO(_decompressed(path)) if path.suffix == ".zst" else path.open("rb")


def _decompressed(path: Path) -> bytes:
    """All frames of a zstd file; append-only writers and `cat` make several."""
    import zstandard

    rest, parts = path.read_bytes(), []
    while rest:
        # A stream reader would end without a word where a file is cut off; a frame knows whether it is whole.
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(rest))
        except zstandard.ZstdError as error:
            raise RecordError(f"{path}: not valid zstd data ({error}); compress it again") from None
        if not frame.eof:
            raise RecordError(f"{path}: the zstd data is cut off; copy or compress the file again")
        rest = frame.unused_data
    return b"".join(parts)


def _decode(line: bytes, place: str, path: Path, first_line: int) -> object:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RecordError(f"{place}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        at = f"{path}:{first_line + error.lineno - 1}"
        raise RecordError(f"{at}: malformed JSON ({error.msg}, column {error.colno}); mend or remove it") from None
