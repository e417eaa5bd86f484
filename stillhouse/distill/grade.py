"""Grade the answers of a run that are already there: with a judge, or by a teacher's probabilities.

Nothing is generated again. What a grader says goes into a grade book of the run beside those of other graders, and
since all of them read the same answers, they can be compared: the rank correlation of two graders among the answers to
one prompt says how far they would teach the same.
"""

import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.grade_settings import GradeSettings, kept_settings
from stillhouse.distill.grades import GradeBook, grader_id
from stillhouse.distill.judging import Judging, judge_id
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.queries import add_queries
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.setup import read_data
from stillhouse.distill.store import RolloutStore
from stillhouse.distill.teacher_scores import score_here, score_there
from stillhouse.errors import ConfigError, RunFolderError
from stillhouse.models.local import load_tokenizer, resolve, weights_digest
from stillhouse.records import claim
from stillhouse.stats import spearman_within

__all__ = ["compare_books", "grade_run"]


def grade_run(
    run: Path,
    settings: GradeSettings,
    *,
    phases: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Grade all answers of the run in the folder `run`, or those of its first `phases` phases.

    Returns `{"name", "groups", "answers", "missing", "mean", "reliability": [...], "agreement": {other: interval}}`.
    What is in the grade book already is not asked for again. RunFolderError without answers; ConfigError,
    EndpointError and BudgetError as the grader raises them; what was graded before stays.
    """
    with claim(run, "distill", resume=True):  # a run that is under way writes books and logs of its own
        return _grade(run, settings, phases, progress)


def _grade(run: Path, settings: GradeSettings, phases: int | None, progress: Callable[[str], None]) -> dict[str, Any]:
    kept = kept_settings(run)
    book = GradeBook(run, settings.name, _by(settings))
    groups = _groups(run, kept.rollout.answers, phases)
    judging = None
    if settings.method is not None:
        if settings.teacher.endpoint is None:
            raise ConfigError(f"`method` {settings.method.kind} asks the teacher, which has no `endpoint`; add it")
        judging = Judging(
            teacher=settings.teacher,
            name=settings.name,
            method=settings.method,
            prompts=_prompts(run, kept, groups),
            tokenizer=load_tokenizer(_student(run, kept)),
            run=run,
            book=book,
            environ=os.environ,
        )
        done = itertools.count(1)
        judging.grade(groups, lambda _: progress(f"{next(done)} of {len(groups)} prompts judged"))
    else:
        missing = [group for group in groups if book.of(group) is None]
        progress(f"reading {sum(map(len, missing))} answers")
        if settings.teacher.endpoint is not None:
            score_there(settings.teacher, settings.name, run, missing, book.add, os.environ)
        elif missing:
            score_here(settings.teacher, _student(run, kept), kept, missing, book.add)
    graded = [grades for group in groups if (grades := book.of(group)) is not None]
    known = [score for grades in graded for score in grades.scores if score is not None]
    count = sum(len(group) for group in groups)
    return {
        "name": settings.name,
        "groups": len(groups),
        "answers": count,
        "missing": count - len(known),
        "mean": fmean(known) if known else None,
        "reliability": [] if judging is None else [measured.as_dict() for measured in judging.reliability(groups)],
        "agreement": {
            other: compare_books(groups, book, GradeBook(run, other))
            for other in GradeBook.names(run)
            if other != settings.name
        },
    }


def _by(settings: GradeSettings) -> str:
    """The id of the grader; weights that are here are part of it, since a folder can be trained again."""
    teacher = settings.teacher
    if settings.method is not None and teacher.endpoint is not None:
        return judge_id(teacher, settings.method)
    if teacher.endpoint is not None:
        where: Any = [teacher.endpoint.base_url, teacher.endpoint.extra]
    else:
        found = resolve(teacher.model)
        where = weights_digest(found) if isinstance(found, Path) else None
    return grader_id("probability", teacher.model, teacher.revision, where)


def compare_books(groups: Sequence[Sequence[Rollout]], one: GradeBook, other: GradeBook) -> dict[str, Any]:
    """Rank correlation within prompts of what two books say of the same answers; `why` there is none, if so."""
    pairs = [
        [(a, b) for a, b in zip(of_one.scores, of_other.scores, strict=True) if a is not None and b is not None]
        for group in groups
        if (of_one := one.of(group)) is not None and (of_other := other.of(group)) is not None
    ]
    pairs = [pair for pair in pairs if len(pair) > 1]
    sides = [[a for a, _ in pair] for pair in pairs], [[b for _, b in pair] for pair in pairs]
    for book, scores in zip((one, other), sides, strict=True):
        if pairs and all(len(set(of_prompt)) == 1 for of_prompt in scores):
            return {"value": None, "why": f"{book.name} gives all answers to each prompt the same score"}
    try:
        return spearman_within(*sides, resamples=2000, seed=0).as_dict()
    except ConfigError:
        return {"value": None, "why": "too few answers in common"}


def _groups(run: Path, each: int, phases: int | None) -> list[list[Rollout]]:
    """The answers of the run, those to one prompt together."""
    store = RolloutStore(run / "rollouts")
    answers = [answer for phase in store.phases()[:phases] for answer in store.read(phase) or []]
    if not answers:
        raise RunFolderError(f"{run}: no answers in it yet; let it take a step first")
    return [answers[start : start + each] for start in range(0, len(answers), each)]


def _prompts(run: Path, kept: DistillSettings, groups: Sequence[Sequence[Rollout]]) -> dict[str, Prompt]:
    """The prompts of the run by id. ConfigError if one that was answered is not in its sources any more."""
    data = read_data(kept)
    if data.magpie is not None:
        add_queries(data, json.loads((run / "magpie.json").read_text(encoding="utf-8")), kept)
    known = {prompt.id: prompt for prompt in data.prompts}
    for group in groups:
        if group[0].prompt_id not in known:
            raise ConfigError(
                f"{run}: prompt {group[0].prompt_id} was answered in this run and is not in its prompt files any more; "
                "put their old content back"
            )
    return known


def _student(run: Path, kept: DistillSettings) -> str:
    """Where the run's tokenizer is."""
    name = kept.student.model or kept.student.prune
    assert name is not None
    return str(run / "student") if (run / "student").is_dir() else name
