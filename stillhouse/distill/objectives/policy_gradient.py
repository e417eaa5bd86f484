"""Group-relative policy gradient: an answer is measured against its siblings.

The gradient of the expected score of the student's own answers is E[(s - b) grad log p(answer)] for any baseline b
that does not depend on the answer (Williams 1992, REINFORCE). Here b is the mean score of the *other* answers to the
same prompt, which keeps the estimate unbiased; with the group's own mean it would come out too small by the factor
(n - 1) / n (Kool et al. 2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!").

That holds for scores that an answer has by itself (`rubric`, `critique`, `reference`). With `ranking`, the score is the
share of the n - 1 siblings that an answer beats, ties and copies one half. All shares of a group sum to n / 2, so the
advantage is n / (n - 1) times what the share is above 1/2, and what comes out is n / (n - 1) times the gradient of the
probability to win against another answer of the student, which is held fixed: a constant factor, which the optimiser's
scale takes up. It is exact where every two answers are compared, no reply is missing, and the verdict on two answers
does not depend on the others shown. With `rounds`, the opponents that were met stand for the rest: on average over the
circles without bias in a group in which no answer repeats, nearly so in others.

GRPO (Shao et al. 2024, arXiv 2402.03300, eq. 3) also divides by the answer's own length and by the group's standard
deviation. The first makes long wrong answers cheap and short right ones dear, the second weighs prompts by how little
their answers differ; both bias the gradient (Liu et al. 2025, "Understanding R1-Zero-Like Training", arXiv
2503.20783, section 3.1). So the sum over tokens is divided by a constant, the length cap, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stillhouse.distill.objectives.base import Group, Lessons, LogLikelihoods

__all__ = ["PolicyGradient", "advantages"]


def advantages(scores: Sequence[float | None]) -> list[float]:
    """Each score less the mean of the others that have one; 0 for a missing score, and where there is no other."""
    known = [s for s in scores if s is not None]
    if len(known) < 2:
        return [0.0] * len(scores)
    total, others = sum(known), len(known) - 1
    return [0.0 if s is None else s - (total - s) / others for s in scores]


@dataclass(frozen=True, slots=True)
class PolicyGradient:
    """`length` is the cap of an answer in tokens, by which every answer's sum is divided."""

    length: int
    clip: float | None
    needs_reference: ClassVar[bool] = False

    def lessons(self, groups: Sequence[Group], log_likelihoods: LogLikelihoods) -> Lessons:
        """c = advantage / (answers of the step * `length`)."""
        count = sum(len(group.answers) for group in groups)
        found = [a for group in groups for a in advantages(group.scores)]
        return Lessons(
            [a / (count * self.length) for a in found],
            {"advantage_size": sum(map(abs, found)) / max(1, count)},
        )
