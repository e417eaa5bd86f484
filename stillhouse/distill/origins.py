"""Where the models of a run come from: what its manifest says of teachers and student.

A record answers for a model to somebody who was not there: its name, the commit that a hub name stood for, the digest
of its weights where weights were read, and who allowed it to be learnt from.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from transformers import PreTrainedModel

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.manifest import StudentRecord, TeacherRecord
from stillhouse.distill.pruning import pruning_of
from stillhouse.distill.sections import TeacherSettings
from stillhouse.models.bundled import BUNDLED
from stillhouse.models.local import licence_of, resolve, weights_digest

__all__ = ["check_origins", "full_name", "licence_at", "student_record", "teacher_record"]


def check_origins(settings: DistillSettings) -> None:
    """RecordError if the origin of a model that is read here cannot be told; its record is written only later."""
    teachers = [settings.teacher, *settings.teachers.values()]
    read = [teacher.model for teacher in teachers if teacher.endpoint is None]
    for name in (*read, settings.student.model or settings.student.prune):
        assert name is not None
        pruning_of(resolve(name))


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
    return TeacherRecord(
        **_identity(teacher.model, teacher.revision or _hub_commit(model)),
        weights_digest=digest,
        licence=licence_at(resolve(teacher.model)),
        permission=teacher.permission,
        parameters=model.num_parameters(),
    )


def student_record(
    settings: DistillSettings, student: PreTrainedModel, given: str | None, start: Path
) -> StudentRecord:
    """What is known of the student before training. `given` is the digest of its weights unless it was cut.

    A student that was cut for this run, into the folder `start`, and one that was cut before have the same record:
    that of the model that they were cut out of, with the layers that they kept.
    """
    chosen = settings.student
    if chosen.model is None:
        where: str | Path = start
    else:
        where = resolve(chosen.model)
    pruning = pruning_of(where)
    if pruning is None:
        assert chosen.model is not None
        origin = _identity(chosen.model, chosen.revision or _hub_commit(student))
    else:
        origin = _identity(pruning["source"], pruning["revision"])
    return StudentRecord(
        **origin,
        licence=licence_at(where),
        layers_kept=None if pruning is None else tuple(pruning["kept"]),
        weights_digest=given or weights_digest(start),
        parameters=student.num_parameters(),
    )


def licence_at(where: str | Path) -> str | None:
    """The licence of the model at `where` (see `models.local.resolve`): its card's, else that of what it was cut from.

    None where neither is known, so for a hub name and for a GGUF file.
    """
    if isinstance(where, str) or not where.is_dir():
        return None
    pruning = pruning_of(where)
    return licence_of(where) or (None if pruning is None else pruning["licence"])


def full_name(name: str) -> str:
    """`name`, but a folder or file by its absolute path, so that none is taken for a hub name."""
    return str(Path(name).resolve()) if name != "bundled" and Path(name).exists() else name


def _identity(name: str, revision: str | None) -> dict[str, Any]:
    """`id`, `revision` and `note` of a record."""
    if name == "bundled":
        return {"id": BUNDLED.name, "revision": BUNDLED.requirement, "note": BUNDLED.note}
    return {"id": full_name(name), "revision": revision}


def _hub_commit(model: PreTrainedModel) -> str | None:
    """The commit that the hub resolved the name to; None for a local folder."""
    found: str | None = getattr(model.config, "_commit_hash", None)
    return found
