"""One record of a file that a replay wrote."""

from pathlib import Path
from typing import Any

from stillhouse.errors import ConfigError, RecordError
from stillhouse.records.files import decode_line

__all__ = ["looked_up", "record_of"]

_NAMED = 5


def looked_up(path: Path, kind: str, name: str) -> dict[str, Any] | None:
    """The record whose `kind` ("campaign" or "account") is `name`. RecordError where the file is missing."""
    return next((record for record in _records(path) if record[kind] == name), None)


def record_of(path: Path, kind: str, name: str) -> dict[str, Any]:
    """The same; ConfigError where there is none, with some that there are."""
    found = looked_up(path, kind, name)
    if found is None:
        known = ", ".join(record[kind] for record in _records(path)[:_NAMED]) or "none"
        raise ConfigError(f"{path.parent}: has no {kind} '{name}'; it has {known}")
    return found


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            return [decode_line(line, f"{path}:{number}") for number, line in enumerate(file, start=1)]
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file; give a folder made by `stillhouse guard replay`") from None
