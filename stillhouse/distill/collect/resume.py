"""A collection that goes on asks the same questions of the same teacher, or says what changed.

How they are asked and what is kept of the answers may change: a budget that is spent has to be raised, and files are
made anew from all answers at every stop.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stillhouse.config import load
from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.errors import RunFolderError

__all__ = ["MAY_CHANGE", "check_same_prompts", "check_same_settings"]

MAY_CHANGE = (
    "teacher.endpoint.key_env",
    "teacher.endpoint.concurrency",
    "teacher.endpoint.timeout",
    "teacher.endpoint.retries",
    "teacher.endpoint.backoff",
    "teacher.endpoint.longest_wait",
    "teacher.endpoint.n_field",
    "teacher.endpoint.prices",
    "teacher.endpoint.budget",
    "filters",
    "dedup",
    "give_up",
    "cache",
)
"""Keys and sections that a resumed run may give anew."""


def check_same_settings(out: Path, given: CollectSettings) -> None:
    """RunFolderError that names the first key outside `MAY_CHANGE` with which the run in `out` began otherwise."""
    then, now = (_flat(s.model_dump(mode="json")) for s in (load(CollectSettings, out / "resolved.yaml"), given))
    for key in sorted(then.keys() | now.keys()):
        free = any(key == name or key.startswith(f"{name}.") for name in MAY_CHANGE)
        if then.get(key) != now.get(key) and not free:
            raise RunFolderError(
                f"{out}: this run began with {key}={then.get(key)!r}, not {now.get(key)!r}; "
                "resume with the same settings, or give another --out"
            )


def check_same_prompts(out: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """RunFolderError that names the first source whose prompts are not those that the run in `out` began with."""
    began = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["prompts"]
    for then, now in zip(began, records, strict=True):
        if then["digest"] != now["digest"]:
            raise RunFolderError(
                f"{out}: the prompts of {then['source']} changed since this run began; put the old content back, "
                "or give another --out"
            )


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`: keys as they are written in overrides."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) and value else {above + key: value}
    return flat
