"""A collection that goes on asks the same questions of the same teacher, or says what changed.

How they are asked and what is kept of the answers may change: a budget that is spent has to be raised, and files are
made anew from all answers at every stop.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stillhouse.distill.same_settings import how_it_is_asked
from stillhouse.errors import RunFolderError

__all__ = ["check_same_prompts", "kept_manifest", "may_change"]

_FREE = ("filters", "dedup", "give_up")


def may_change(key: str, value: object) -> bool:
    """Keys that a resumed collection may give anew: how the teacher is asked, and what is kept of the answers."""
    return how_it_is_asked(key) or key.partition(".")[0] in _FREE


def kept_manifest(out: Path) -> dict[str, Any]:
    """The manifest that the run in `out` wrote before. RunFolderError where it is gone or is none any more."""
    path = out / "manifest.json"
    try:
        found: Any = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        found = None
    match found:
        case {"prompts": [*prompts], "started": str(), "finished": str() | None} if all(
            isinstance(record, dict) and {"digest", "source"} <= record.keys() for record in prompts
        ):
            kept: dict[str, Any] = found
            return kept
    raise RunFolderError(f"{path}: is not what a collection writes; put the old content back, or give another --out")


def check_same_prompts(out: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """RunFolderError that names the first source whose prompts are not those that the run in `out` began with."""
    began = kept_manifest(out)["prompts"]
    if len(began) != len(records):
        raise RunFolderError(
            f"{out / 'manifest.json'}: names {len(began)} sources, and the settings {len(records)}; put the old "
            "content back, or give another --out"
        )
    for then, now in zip(began, records, strict=True):
        if then["digest"] != now["digest"]:
            raise RunFolderError(
                f"{out}: the prompts of {then['source']} changed since this run began; put the old content back, "
                "or give another --out"
            )
