"""What a run folder says about itself, read back for the report and the model card.

Both pages are made from the files alone, never from the memory of the process that trained. So they can be
made again at any time, by anyone who has the folder, and they also tell of a run that was cut short.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError, RunFolderError

__all__ = ["Evidence", "read_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The files of a run folder. What is not there yet is empty, or None.

    `steps` are the lines of `metrics.jsonl`; `torn` says that its last line was cut off while being written.
    """

    settings: str
    manifest: Mapping[str, Any]
    steps: list[dict[str, Any]]
    torn: bool
    evaluation: Mapping[str, Any]
    samples: list[dict[str, Any]]
    safety: Mapping[str, Any] | None

    @property
    def planned(self) -> int | None:
        """How many optimiser steps the run is to have, as far as it is known."""
        return int(self.steps[-1]["of"]) if self.steps else None

    @property
    def done(self) -> int:
        """The last optimiser step that was taken."""
        return int(self.steps[-1]["step"]) if self.steps else 0

    @property
    def seconds(self) -> float:
        """Seconds of training up to that step, 0 where they were not noted."""
        return float(self.steps[-1].get("elapsed", 0)) if self.steps else 0.0


def read_evidence(run: Path) -> Evidence:
    """Read a run folder. Raises RunFolderError where `run` is none, RecordError (file:line) for a malformed file."""
    for name in ("resolved.yaml", "manifest.json"):
        if not (run / name).is_file():
            raise RunFolderError(f"{run}: no {name} in it; give the folder of a `stillhouse distill run`")
    steps, torn = _lines(run / "metrics.jsonl")
    safety = run / "safety.json"
    return Evidence(
        settings=(run / "resolved.yaml").read_text(encoding="utf-8"),
        manifest=_object(run / "manifest.json"),
        steps=steps,
        torn=torn,
        evaluation=_measured(_object(run / "evaluation.json")),
        samples=_lines(run / "samples.jsonl")[0],
        safety=_object(safety) if safety.is_file() else None,
    )


def _measured(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Without the measures that have no value because they could not be taken."""
    return {who: {k: m for k, m in row.items() if m["value"] is not None} for who, row in evaluation.items()}


def _object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return _parsed(path, 1, path.read_bytes())


def _lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """The objects of a JSONL file, and whether a last line without its newline was left out."""
    if not path.is_file():
        return [], False
    *whole, rest = path.read_bytes().split(b"\n")
    return [_parsed(path, number, line) for number, line in enumerate(whole, start=1)], bool(rest)


def _parsed(path: Path, number: int, text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        line = number + error.lineno - 1
        raise RecordError(f"{path}:{line}: not valid JSON ({error.msg}); mend or remove that line") from None
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}:{number}: not UTF-8 text ({error.reason}); mend or remove that line") from None
    if not isinstance(value, dict):
        raise RecordError(f"{path}:{number}: holds a {type(value).__name__}, not a JSON object; mend that line")
    return value
