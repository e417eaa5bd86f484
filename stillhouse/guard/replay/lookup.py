"""Records of a file that a replay wrote."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.shapes import AGAIN, check_shape
from stillhouse.records.files import decode_line

__all__ = ["CAMPAIGNS", "campaign_of", "campaigns", "looked_up", "record_of", "records"]

CAMPAIGNS = "campaigns.jsonl"
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


def looked_up(found: Iterable[dict[str, Any]], kind: str, name: str) -> dict[str, Any] | None:
    """The record whose `kind` ("campaign" or "account") is `name`."""
    return next((record for record in found if record[kind] == name), None)


def record_of(path: Path, found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The same of those in the file; ConfigError where there is none, with names that are like it."""
    record = looked_up(found, kind, name)
    if record is None:
        known = [record[kind] for record in found]
        close = difflib.get_close_matches(name, known, _NAMED, _LIKE) if len(known) <= _COMPARED else []
        like = f"did you mean {' or '.join(close)}? " if close else ""
        raise ConfigError(
            f"{path.parent}: has no {kind} '{name}'; {like}look it up in {path}, which has {len(known):,}"
        )
    return record


def campaigns(folder: Path) -> list[dict[str, Any]]:
    """All campaigns of a replay. RecordError where an earlier version wrote them, of which less is known."""
    path = folder / CAMPAIGNS
    found = records(path)
    if any("merged" not in record for record in found):
        raise RecordError(f"{path}: was written by an earlier version, without 'merged'; {AGAIN}")
    return found


def campaign_of(folder: Path, found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Of all campaigns the one of that name, or the one that it became. ConfigError where there is none."""
    became = next((record for record in found if name in record["merged"]), None)
    return record_of(folder / CAMPAIGNS, found, "campaign", name) if became is None else became
