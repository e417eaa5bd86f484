"""A corpus from a folder of files; what the folder lacks comes from the packages, and the corpus says so.

Files are read once, in the order of their paths. `.jsonl`, `.json` (one array) and `.csv`, each also with `.zst`
behind it.
"""

import csv
import io
import os
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from stillhouse.errors import ConfigError, RecordError
from stillhouse.range.corpus.corpus import Corpus
from stillhouse.range.corpus.packaged import packaged_corpus
from stillhouse.range.corpus.rows import SHAPES, Gathered, suite_name
from stillhouse.records.files import decode_line, read_errors
from stillhouse.records.zstd_lines import read_zstd_lines

__all__ = ["folder_corpus"]

_SUFFIXES = (".jsonl", ".json", ".csv")
_KINDS = ("conversations", "instructions", "benchmarks", "documents", "code_tasks", "roles", "gaps")
_ARRIVALS = {"TIMESTAMP", "ContextTokens"}
_CODE = "humaneval"  # a benchmark whose items are coding tasks too
# A collection that keeps prompts apart from other things: only these of its folders are text to ask with.
_PARTS = ("prompts", "usage", "traces")


def folder_corpus(folder: Path) -> Corpus:
    """Everything under `folder` that can be recognised, and the packaged text for the kinds that it lacks.

    Raises ConfigError where there is no such folder or nothing in it is of a known shape, RecordError (`file:line`)
    for a file that is not what its suffix says and for what cannot be read.
    """
    with read_errors(folder):
        is_there, parts = folder.is_dir(), [folder / name for name in _PARTS if (folder / name).is_dir()]
    if not is_there:
        raise ConfigError(
            f"{folder}: no such corpus folder; give a folder of .jsonl, .json or .csv files, or leave --corpus out"
        )
    gathered = Gathered()
    for path in sorted(file for part in parts or [folder] for file in _files(part)):
        if suffix_of(path) in _SUFFIXES:
            _read(path, str(path.relative_to(folder)), gathered)
    gathered.finish()
    own = _corpus(gathered)
    found = [kind for kind in _KINDS if getattr(own, kind)]
    if not found:
        raise ConfigError(
            f"{folder}: no row of a known shape in its .jsonl, .json and .csv files ({SHAPES}); give another folder"
        )
    lacking = {kind for kind in (*_KINDS, "agentic") if kind not in found}
    packaged = packaged_corpus(lacking if own.suites else lacking | {"benchmarks"})
    sources = {kind: ", ".join(gathered.files[kind]) for kind in found}
    if "benchmarks" in found and not own.suites:
        sources["benchmarks"] += f", {packaged.sources['benchmarks']}"
    return replace(
        own,
        **{kind: getattr(packaged, kind) for kind in lacking - {"benchmarks"}},
        benchmarks={**packaged.benchmarks, **own.benchmarks},
        sources={**packaged.sources, **sources},
        licences={**packaged.licences, **_licences(folder, [name for kind in found for name in gathered.files[kind]])},
        unknown_rows=gathered.unknown,
    )


def suffix_of(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".zst" else path.suffix


def _files(folder: Path) -> Iterator[Path]:
    """All that lie under `folder`. A folder in it that cannot be read is a fault: its text would be missed."""

    def refused(error: OSError) -> None:
        with read_errors(Path(error.filename)):
            raise error

    for place, _, names in os.walk(folder, onerror=refused):
        with read_errors(Path(place)):
            found = [file for name in names if (file := Path(place, name)).is_file()]
        yield from found


def _read(path: Path, name: str, gathered: Gathered) -> None:
    if suffix_of(path) == ".csv":
        rows = _csv_rows(path)
        if rows and rows[0].keys() >= _ARRIVALS:
            times = sorted(_seconds(row["TIMESTAMP"], f"{path}") for row in rows)
            gaps = [after - before for before, after in pairwise(times)]
            mean = sum(gaps) / len(gaps) if gaps else 0.0
            if mean > 0:
                gathered.gaps["code" if "code" in path.name else "conversation"] = [gap / mean for gap in gaps]
                gathered.files["gaps"][name] = None
            return
        for number, row in enumerate(rows, start=2):
            gathered.take(row, name, f"{name}:{number}")
    elif suffix_of(path) == ".json":
        decoded = decode_line(b"\n".join(_lines(path)), str(path))
        for number, row in enumerate(decoded if isinstance(decoded, list) else [decoded], start=1):
            gathered.take(row, name, f"{name}:{number}")
    else:
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                gathered.take(decode_line(line, f"{path}:{number}"), name, f"{name}:{number}")


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    # Python reads no cell above 128 KiB by default, and published prompt collections have longer ones.
    limit = csv.field_size_limit(1 << 26)
    try:
        return list(csv.DictReader(io.StringIO(_text(path), newline="")))
    except csv.Error as error:
        raise RecordError(f"{path}: not CSV ({error}); mend or remove it") from None
    finally:
        csv.field_size_limit(limit)


def _text(path: Path) -> str:
    try:
        return b"\n".join(_lines(path)).decode()
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not UTF-8 text ({error.reason}); save the file as UTF-8") from None


def _lines(path: Path) -> Iterator[bytes]:
    """The file's lines without their ends, unpacked, and without the mark that some editors put in front."""
    with read_errors(path), nullcontext(read_zstd_lines(path)) if path.suffix == ".zst" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line is None:
                raise RecordError(f"{path}:{number}: the file ends inside a zstd frame; copy it again")
            yield line.rstrip(b"\r\n").removeprefix(BOM_UTF8 if number == 1 else b"")


def _seconds(text: str, place: str) -> float:
    try:
        return datetime.fromisoformat(text[:26]).replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError):
        raise RecordError(f"{place}: TIMESTAMP {text!r} is no time; write it like 2023-11-16 18:15:46.680") from None


def _corpus(gathered: Gathered) -> Corpus:
    code = [item.question for item in gathered.benchmarks.get(_CODE, ())]
    if code:
        files = [file for file in gathered.files["benchmarks"] if suite_name(file) == _CODE]
        gathered.files["code_tasks"] = dict.fromkeys(files)
    return Corpus(
        conversations=tuple(gathered.conversations),
        instructions=tuple(gathered.instructions),
        benchmarks={name: tuple(items) for name, items in sorted(gathered.benchmarks.items())},
        documents=tuple(gathered.documents),
        code_tasks=tuple(code),
        roles=tuple(gathered.roles),
        gaps={name: tuple(gaps) for name, gaps in sorted(gathered.gaps.items())},
    )


def _licences(folder: Path, files: list[str]) -> dict[str, str]:
    """The licence of each file: the fourth column of the folder's MANIFEST.md where it has a row, else unknown."""
    manifest = folder / "MANIFEST.md"
    text = _text(manifest) if manifest.is_file() else ""
    rows = (re.split(r"\s*\|\s*", line.strip("| \n")) for line in text.splitlines() if line.startswith("| "))
    known = {row[0]: row[3] for row in rows if len(row) > 3}
    return {name: known.get(name, "unknown (file by path)") for name in sorted(set(files))}
