"""Grades on disk, beside the answers that they are of: added by any command, at any time, never written over.

The rollout store holds what was answered; `grades/<name>.jsonl` holds what one grader said of it, one line for each
group of answers to one prompt, since a judge compares the answers of a group and a grade means nothing outside it. A
line is written when its group is done, so a killed run has lost at most the groups that were under way.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.distill.rollout import Rollout
from stillhouse.distill.store import rollout_id
from stillhouse.errors import ConfigError, RecordError
from stillhouse.records import append_jsonl
from stillhouse.records.files import decode_line

__all__ = ["GradeBook", "GroupGrades", "grader_id", "group_id"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class GroupGrades:
    """What was said of the answers to one prompt: a score each (None if missing), and what it rests on."""

    scores: tuple[float | None, ...]
    details: tuple[Mapping[str, Any], ...]


def group_id(answers: Sequence[Rollout]) -> str:
    """16 hex digits that name a group by its answers, in their order."""
    return hashlib.sha256(" ".join(rollout_id(answer) for answer in answers).encode()).hexdigest()[:16]


def grader_id(*identity: Any) -> str:
    """16 hex digits that name a grader by whatever decides what it says, as JSON values."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


class GradeBook:
    """All grades that one grader gave in a run: the file `grades/<name>.jsonl` of its folder.

    `by` is the grader's id. ConfigError if the book was written by another grader: grades of two must not be mixed.
    None takes any, for reading.
    """

    def __init__(self, run: Path, name: str, by: str | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"grades cannot be called '{name}'; use letters, digits, '.', '_' and '-'")
        self.name, self.by = name, by
        self.path = run / "grades" / f"{name}.jsonl"
        self._known = self._read()

    @staticmethod
    def names(run: Path) -> list[str]:
        """The grade books that the run in the folder `run` has."""
        return sorted(path.stem for path in (run / "grades").glob("*.jsonl"))

    def of(self, answers: Sequence[Rollout]) -> GroupGrades | None:
        """What was said of this group, or None."""
        return self._known.get(group_id(answers))

    def add(self, answers: Sequence[Rollout], grades: GroupGrades) -> None:
        """Write one group's grades; on disk when this returns. A group keeps what was said of it first."""
        key = group_id(answers)
        if key in self._known:
            return
        if not len(answers) == len(grades.scores) == len(grades.details):
            raise ValueError(f"{len(answers)} answers with {len(grades.scores)} scores")
        self.path.parent.mkdir(exist_ok=True)
        line = {
            "by": self.by,
            "group": key,
            "prompt": answers[0].prompt_id,
            "rollouts": [rollout_id(answer) for answer in answers],
            "scores": list(grades.scores),
            "details": [dict(detail) for detail in grades.details],
        }
        append_jsonl(self.path, line, sync=True)
        self._known[key] = grades

    def rows(self) -> dict[str, GroupGrades]:
        """All groups by their id."""
        return dict(self._known)

    def _read(self) -> dict[str, GroupGrades]:
        if not self.path.exists():
            return {}
        *lines, _ = self.path.read_bytes().split(b"\n")  # a last line without its newline was never finished
        known: dict[str, GroupGrades] = {}
        for number, line in enumerate(lines, 1):
            place = f"{self.path}:{number}"
            row = decode_line(line, place)
            try:
                known.setdefault(row["group"], GroupGrades(tuple(row["scores"]), tuple(row["details"])))
                by = row["by"]
            except (KeyError, TypeError) as error:
                raise RecordError(f"{place}: not the grades of a group ({error}); remove the line") from None
            if self.by is not None and by != self.by:
                raise ConfigError(
                    f"{place}: the grades called '{self.name}' were given by another grader (model, weights, "
                    "address, method, or the words of this release differ); give this one another name, or move the "
                    "file away"
                )
        return known
