"""Records of a file that a replay wrote."""

import difflib
from pathlib import Path
from typing import Any

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.shapes import check_shape
from stillhouse.records.files import decode_line

__all__ = ["campaign_of", "campaigns", "looked_up", "record_of", "records"]

_NAMED = 3
_LIKE = 0.75
_COMPARED = 100_000  # names, which takes seconds


def records(path: Path) -> list[dict[str, Any]]:
    """All records of the file. RecordError where there is no such file, or a line is none that a replay writes."""
    found = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                found.append(decode_line(line, f"{path}:{number}"))
                check_shape(path.name, found[-1], f"{path}:{number}")
    except NotADirectoryError:
        raise RecordError(f"{path.parent}: is a file; give a folder made by `stillhouse guard replay`") from None
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; give a folder made by `stillhouse guard replay`") from None
    return found


def looked_up(path: Path, kind: str, name: str) -> dict[str, Any] | None:
    """The record whose `kind` ("campaign" or "account") is `name`. RecordError where the file is missing."""
    return next((record for record in records(path) if record[kind] == name), None)


def record_of(path: Path, kind: str, name: str) -> dict[str, Any]:
    """The same; ConfigError where there is none, with names that are like it."""
    found = looked_up(path, kind, name)
    if found is None:
        known = [record[kind] for record in records(path)]
        close = difflib.get_close_matches(name, known, _NAMED, _LIKE) if len(known) <= _COMPARED else []
        like = f"did you mean {' or '.join(close)}? " if close else ""
        raise ConfigError(
            f"{path.parent}: has no {kind} '{name}'; {like}look it up in {path}, which has {len(known):,}"
        )
    return found


def campaigns(folder: Path) -> list[dict[str, Any]]:
    """All campaigns of a replay. RecordError where an earlier version wrote them, of which less is known."""
    path = folder / "campaigns.jsonl"
    found = records(path)
    if any("merged" not in record for record in found):
        raise RecordError(f"{path}: was written by an earlier version, without 'merged'; replay the log again")
    return found


def campaign_of(folder: Path, name: str) -> dict[str, Any]:
    """The record of a campaign, or of the one that it became. ConfigError where there is none."""
    became = next((record for record in campaigns(folder) if name in record["merged"]), None)
    return record_of(folder / "campaigns.jsonl", "campaign", name) if became is None else became
