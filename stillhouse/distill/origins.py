"""Where the models of a run come from: what its manifest says of teachers and student.

A record answers for a model to somebody who was not there: its name, the commit that a hub name stood for, the digest
of its weights where weights were read, and who allowed it to be learnt from.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from transformers import PreTrainedModel

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.manifest import StudentRecord, TeacherRecord
from stillhouse.distill.sections import TeacherSettings
from stillhouse.models.bundled import BUNDLED
from stillhouse.models.local import licence_of, resolve, weights_digest

__all__ = ["student_record", "teacher_record"]


def teacher_record(teacher: TeacherSettings, model: PreTrainedModel | None, digest: str | None) -> TeacherRecord:
    """The record of a teacher; `model` and the `digest` of its weights are None where it is only an endpoint."""
    if model is None or teacher.endpoint is not None:
        assert teacher.endpoint is not None
        return TeacherRecord(
            id=teacher.model,
            revision=None,
            weights_digest=None,
            licence=None,
            permission=teacher.permission,
            parameters=None,
            endpoint=urlsplit(teacher.endpoint.base_url)._replace(query="", fragment="").geturl(),
        )
    where = resolve(teacher.model)
    return TeacherRecord(
        **_identity(teacher.model, teacher.revision or _hub_commit(model)),
        weights_digest=digest,
        licence=licence_of(where) if isinstance(where, Path) and where.is_dir() else None,
        permission=teacher.permission,
        parameters=model.num_parameters(),
    )


def student_record(
    settings: DistillSettings, student: PreTrainedModel, given: str | None, start: Path
) -> StudentRecord:
    """What is known of the student before training. `given` is the digest of its weights unless it was cut."""
    name = settings.student.model or settings.student.prune
    assert name is not None
    where = resolve(name)
    layers, found = None, _hub_commit(student)
    if settings.student.prune is not None:
        pruning = json.loads((start / "pruning.json").read_text(encoding="utf-8"))
        layers, found = tuple(pruning["kept"]), pruning["revision"]
    return StudentRecord(
        **_identity(name, settings.student.revision or found),
        licence=licence_of(where) if isinstance(where, Path) and where.is_dir() else None,
        layers_kept=layers,
        weights_digest=given or weights_digest(start),
        parameters=student.num_parameters(),
    )


def _identity(name: str, revision: str | None) -> dict[str, Any]:
    """`id`, `revision` and `note` of a record: folders by absolute path, so that none is taken for a hub name."""
    if name == "bundled":
        return {"id": BUNDLED.name, "revision": BUNDLED.requirement, "note": BUNDLED.note}
    return {"id": str(Path(name).resolve()) if Path(name).exists() else name, "revision": revision}


def _hub_commit(model: PreTrainedModel) -> str | None:
    """The commit that the hub resolved the name to; None for a local folder."""
    found: str | None = getattr(model.config, "_commit_hash", None)
    return found
