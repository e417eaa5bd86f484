"""What a finished run is worth telling, also long after it finished.

A student may be signed, exported or served by then, and a judge was paid. So whoever asks a finished run to go on is
told this from its files, and nothing is loaded, asked or written again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.distill.evidence import read_evidence
from stillhouse.models.local import weights_digest

__all__ = ["Outcome", "finished_outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a finished run: `seconds` are those of training."""

    folder: Path
    evaluation: dict[str, dict[str, dict[str, Any]]]
    steps: int
    seconds: float


def finished_outcome(run: Path) -> Outcome | None:
    """The outcome of the run in the folder `run`; None unless it is finished.

    It is if its manifest says so, the measures from after training are there, and `student/` has the weights that the
    manifest names. RecordError (file:line) for a malformed file.
    """
    if not (run / "manifest.json").is_file():
        return None
    evidence = read_evidence(run)
    student, digest = run / "student", evidence.manifest["trained_weights_digest"]
    if evidence.manifest["finished"] is None or "after" not in evidence.evaluation:
        return None
    if not any(student.glob("*.safetensors")) or weights_digest(student) != digest:
        return None
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    return Outcome(run, evaluation, evidence.done, evidence.seconds)
