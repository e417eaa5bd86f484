"""What goes on asks for the same as what began, or says what changed.

How a served model is asked may change between two parts of a run: a budget that is spent has to be raised, and a key or
a time limit has no part in what is learnt. Whom it asks, and for what, may not.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stillhouse.config import Settings
from stillhouse.errors import RunFolderError

__all__ = ["check_same_settings", "how_it_is_asked"]

_CAP = re.compile(r"grader\.(parts\.[^.]+\.grader\.)?method\.max_tokens")
_HOW = re.compile(
    r"(teacher|teachers\.[^.]+|rollout\.server)\.endpoint\."
    r"(key_env|concurrency|timeout|retries|backoff|longest_wait|n_field|cache|prices|budget)(\..*)?"
)


def how_it_is_asked(key: str) -> bool:
    """Whether this key only says how an endpoint is asked: `teacher.endpoint` without `base_url`, `api` and `extra`.

    The cap of a judge's reply is one of them: a reply that was cut off could not be read.
    """
    return _HOW.fullmatch(key) is not None or _CAP.fullmatch(key) is not None


def check_same_settings(out: Path, kept: Settings, given: Settings, may_change: Callable[[str, Any], bool]) -> None:
    """RunFolderError that names the first key with which the run in `out` began otherwise.

    `may_change(key, given value)` says which keys, as they are written in overrides, a resumed run may give anew.
    """
    then, now = _flat(kept.model_dump(mode="json")), _flat(given.model_dump(mode="json"))
    for key in sorted(then.keys() | now.keys()):
        before, after = then.get(key), now.get(key)
        if before != after and not may_change(key, after):
            raise RunFolderError(
                f"{out}: this run began with {key}={before!r}, not {after!r}; resume with the same settings, or "
                "give another --out"
            )


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`: keys as they are written in overrides."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) and value else {above + key: value}
    return flat
