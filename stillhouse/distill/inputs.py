"""What a run reads: the words of its prompts and the weights of its models, by digest.

Settings name files, and a file can change under the same name. One row more in a prompt file draws another
held-out split, so a run that is resumed has to find the same words and weights, not only the same settings.
"""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.setup import Data, Models
from stillhouse.errors import RunFolderError
from stillhouse.models.local import resolve, weights_digest

__all__ = ["check_same_inputs", "measure_inputs"]


def measure_inputs(settings: DistillSettings, models: Models, data: Data) -> dict[str, Any]:
    """SHA-256 (hex) of everything that is read: `teacher` (None if it is only an endpoint), further `teachers` by name,
    `student` (None if it is to be cut) and `prompts`.

    `prompts` has one entry for each source of training and task prompts, in the order of the manifest's records.
    """
    student = None
    if settings.student.model is not None:
        assert models.student is not None
        student = _digest(settings.student.model, models.student)
    return {
        "v": "stillhouse.inputs/1",
        "teacher": None if models.teacher is None else _digest(settings.teacher.model, models.teacher),
        "teachers": {name: _digest(settings.teachers[name].model, model) for name, model in models.others.items()},
        "student": student,
        "prompts": [{"name": record["source"], "digest": record["digest"]} for record in data.records],
    }


def check_same_inputs(run: Path, settings: DistillSettings, now: dict[str, Any]) -> None:
    """RunFolderError that names the first input of the run in the folder `run` that is no longer the same."""
    then = json.loads((run / "inputs.json").read_text(encoding="utf-8"))
    pairs = [
        (f"the teacher {settings.teacher.model}", then["teacher"], now["teacher"]),
        (f"the student {settings.student.model}", then["student"], now["student"]),
    ]
    for name, digest in now["teachers"].items():
        pairs.append((f"the teacher {settings.teachers[name].model}", then.get("teachers", {}).get(name), digest))
    for old, new in zip(then["prompts"], now["prompts"], strict=True):
        pairs.append((f"the prompts of {old['name']}", old["digest"], new["digest"]))
    for name, before, after in pairs:
        if before != after:
            raise RunFolderError(
                f"{run}: {name} changed since this run began; put the old content back, or give another --out"
            )


def _digest(name: str, model: PreTrainedModel) -> str:
    """Of the files where there are files of its own, else of the weights as they are in memory."""
    where = resolve(name)
    return weights_digest(where if isinstance(where, Path) else model)
