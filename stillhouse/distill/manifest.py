"""`manifest.json`: what a run was made of, complete enough to run it again and to answer for it.

A pure function of values that others measured, so that the same run always writes the same manifest and
nothing in it can come from an undeclared source: clock, versions, commit and command come in as arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from stillhouse.distill.config import DistillSettings

__all__ = ["MANIFEST_VERSION", "PARTS", "StudentRecord", "TeacherRecord", "build_manifest"]

MANIFEST_VERSION = "stillhouse.manifest/1"
PARTS = ("rollout", "judge", "teacher", "student", "loss", "optimizer", "other")
"""The parts of a training step, in the order in which they happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherRecord:
    """A model that graded. `weights_digest` is the SHA-256 (hex) over its weights; `note` what `id` leaves out.

    Of a model that was only asked, weights and their number are unknown, and `endpoint` says where it was served.
    """

    id: str
    revision: str | None
    weights_digest: str | None
    licence: str | None
    permission: str
    parameters: int | None
    note: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentRecord:
    """The model that learned, as it was before the first step.

    `id` is the model it was loaded from or cut out of; in the second case `layers_kept` has the indices of
    the layers that it kept, counted in that model from 0. `weights_digest` is that of the start itself.
    """

    id: str
    revision: str | None
    licence: str | None
    layers_kept: tuple[int, ...] | None
    weights_digest: str
    parameters: int
    note: str | None = None


def build_manifest(
    *,
    settings: DistillSettings,
    teacher: TeacherRecord,
    teachers: Mapping[str, TeacherRecord],
    student: StudentRecord,
    trained_digest: str | None,
    prompts: Sequence[Mapping[str, Any]],
    versions: Mapping[str, str],
    commit: str | None,
    command: Sequence[str],
    seeds: Mapping[str, int],
    tokens: Mapping[str, int],
    flops: Mapping[str, int],
    started: datetime,
    finished: datetime | None,
    api_cost_usd: float,
    judge_prompts: Mapping[str, str],
) -> dict[str, Any]:
    """The manifest as JSON values; see FORMATS section 3 for what it has to answer.

    `prompts` are the records of `stillhouse.distill.prompts.source_record`. `tokens` and `flops` are totals
    by part (keys of `PARTS`); their sums are added. `trained_digest` is that of the student's weights after the
    last step; it and `finished` are None while the run goes on. `teachers` are those beside `teacher`, by name;
    `judge_prompts` is every text that a judge was given, by name. Times have a time zone and are written in UTC.
    Raises ValueError for an unknown part or a time without a zone.
    """
    for name, totals in (("tokens", tokens), ("flops", flops)):
        if unknown := sorted(set(totals) - set(PARTS)):
            raise ValueError(f"{name}: unknown part {unknown[0]!r}; the parts are {', '.join(PARTS)}")
    return {
        "v": MANIFEST_VERSION,
        "started": _rfc3339(started),
        "finished": None if finished is None else _rfc3339(finished),
        "teacher": asdict(teacher),
        "teachers": {name: asdict(record) for name, record in teachers.items()},
        "student": {**asdict(student), "layers_kept": None if student.layers_kept is None else [*student.layers_kept]},
        "trained_weights_digest": trained_digest,
        "computed": {"device": settings.device, "dtype": settings.dtype, "threads": settings.threads},
        "prompts": [dict(record) for record in prompts],
        "grader": {
            **settings.grader.model_dump(mode="json"),
            "lmbda": settings.lmbda,
            "given": settings.given,
            "temperature": settings.temperature,
        },
        "judge_prompts": dict(judge_prompts),
        "versions": dict(sorted(versions.items())),
        "commit": commit,
        "command": list(command),
        "seeds": dict(seeds),
        "tokens": _by_part(tokens),
        "flops": _by_part(flops),
        "api_cost": {"value": api_cost_usd, "currency": "USD"},
    }


def _by_part(totals: Mapping[str, int]) -> dict[str, int]:
    return {part: totals[part] for part in PARTS if part in totals} | {"total": sum(totals.values())}


def _rfc3339(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError(f"time {time.isoformat()} has no time zone; pass an aware datetime")
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
