"""Which files of those that were given are logs to read, and which others lie beside them."""

from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path

from stillhouse.errors import RecordError
from stillhouse.guard.replay.reading import decoded
from stillhouse.records import ExchangeLog
from stillhouse.records.exchange import VERSION
from stillhouse.records.files import read_errors

__all__ = ["find_logs", "is_log", "passed_over"]

_ENDINGS = (".jsonl", ".jsonl.zst", ".parquet")
_LOOKED_AT = 8


def find_logs(given: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, sorted and each once. RecordError where there are none, or one cannot be
    looked at.

    Of a folder those that begin with `exchanges`, as gateways and `range traffic` name them; all logs where none does.
    """
    found: dict[Path, None] = {}
    for path in given:
        with read_errors(path):
            found.update(dict.fromkeys(_logs(path)))
    return list(found)


def passed_over(given: Sequence[Path], files: Collection[Path]) -> list[Path]:
    """Logs of exchanges in the folders that are none of the `files` that `find_logs` found: their names begin otherwise
    than those of others there.
    """
    return [one for path in given if path.is_dir() for one in _inside(path) if one not in files and _has_exchange(one)]


def _logs(path: Path) -> list[Path]:
    if path.is_dir():
        logs = _inside(path)
        inside = [one for one in logs if is_log(one.name)] or logs
        if not inside:
            raise RecordError(f"{path}: no log in this folder; logs end in {', '.join(_ENDINGS)}")
        return inside
    if not path.exists():
        raise RecordError(f"{path}: no such log; give a file or a folder of segments")
    return [path]


def _inside(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.name.endswith(_ENDINGS))


def _has_exchange(path: Path) -> bool:
    """Whether one of the first entries calls itself an exchange."""
    try:
        for number, entry in islice(ExchangeLog(path).entries(), _LOOKED_AT):
            found = decoded(entry, f"{path}:{number}") if isinstance(entry, bytes) else entry
            if isinstance(found, dict) and found.get("v") == VERSION:
                return True
    except RecordError:
        pass
    return False


def is_log(name: str) -> bool:
    """Whether a file of this name is one of the logs of its folder, also where there are others."""
    return name.startswith("exchanges") and name.endswith(_ENDINGS)
