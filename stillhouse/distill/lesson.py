"""From a judge's scores to what an optimiser step learns.

It stands between the answers of a step and the training step, which gets a number for each answer and knows neither
judge nor objective.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.judging import Judging
from stillhouse.distill.log_likelihood import log_likelihoods
from stillhouse.distill.network import Network
from stillhouse.distill.objectives import Group, objective
from stillhouse.distill.rollout import Rollout

__all__ = ["JudgedLessons", "Lesson"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """The answers that a step learns from, and how much the log-likelihood of each counts (None: no judge grades)."""

    answers: Sequence[Rollout]
    coefficients: Sequence[float] | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


class JudgedLessons:
    """A judge and an objective at work on `student`, which is as it was at the start when this is made.

    Where the objective needs a reference, a copy of the student is kept, at the price of its memory; not where this
    process makes no lessons (`at_work`).
    """

    def __init__(self, student: Network, settings: DistillSettings, judging: Judging, *, at_work: bool = True) -> None:
        grader = settings.judge
        assert grader is not None
        self.settings, self.judging = settings, judging
        self.objective = objective(grader.learn, settings.rollout.max_new_tokens)
        self.networks = {"student": student}
        if self.objective.needs_reference and at_work:
            start = copy.deepcopy(student.model).requires_grad_(False).eval()
            self.networks["reference"] = Network(start, student.vocabulary)

    def judge(self, answers: Sequence[Rollout]) -> None:
        """Let the judge grade all groups of a phase, so that the lessons of its steps find them in the book."""
        self.judging.grade(self._groups(answers))

    def lesson(self, answers: Sequence[Rollout]) -> Lesson:
        """What the step with these answers learns. Answers that count nothing are left out, unless others grade too.

        Figures: `score`, the mean of the scores that there are; `missing_ratio`, the share that is missing;
        `tied_ratio`, the share of groups whose scores are all equal, which teach nothing; those of the objective.
        """
        groups = self._groups(answers)
        graded = [Group(group, grades.scores) for group, grades in zip(groups, self.judging.grade(groups), strict=True)]
        lessons = self.objective.lessons(graded, self._log_likelihoods)
        known = [score for group in graded for score in group.scores if score is not None]
        figures = {
            **({"score": fmean(known)} if known else {}),
            "missing_ratio": 1 - len(known) / len(answers),
            "tied_ratio": fmean(len({score for score in group.scores if score is not None}) < 2 for group in graded),
            **lessons.figures,
        }
        kept = list(zip(answers, lessons.coefficients, strict=True))
        if len(self.settings.graders) == 1:
            kept = [(answer, c) for answer, c in kept if c != 0]
        return Lesson([answer for answer, _ in kept], [c for _, c in kept], figures)

    def _groups(self, answers: Sequence[Rollout]) -> list[Sequence[Rollout]]:
        each = self.settings.rollout.answers
        return [answers[start : start + each] for start in range(0, len(answers), each)]

    def _log_likelihoods(self, who: str, answers: Sequence[Rollout]) -> list[float]:
        settings = self.settings
        return log_likelihoods(
            self.networks[who],
            answers,
            temperature=settings.temperature,
            batch=settings.micro_batch,
            chunk=settings.loss_chunk,
        )
