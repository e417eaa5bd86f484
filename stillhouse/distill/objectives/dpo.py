"""Direct preference optimisation on judged pairs: the best and the worst answer to each prompt.

With m = beta ((log p(w) - log r(w)) - (log p(l) - log r(l))) for the better answer w, the worse one l, the student p
and the reference r (the student as it was at the start), the loss of a pair is -log sigmoid(m) (Rafailov et al. 2023,
arXiv 2305.18290, eq. 7). Its derivative is -beta sigmoid(-m) in log p(w) and +beta sigmoid(-m) in log p(l): one
number for each answer, which needs both answers' log-likelihoods first. So they are measured in a pass of their own,
and the gradient that follows is exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stillhouse.distill.objectives.base import Group, Lessons, LogLikelihoods

__all__ = ["Dpo"]


@dataclass(frozen=True, slots=True)
class Dpo:
    """`beta`: how dear it is to leave the reference. `margin`: how far apart two scores must be to make a pair."""

    beta: float
    margin: float
    clip: ClassVar[float | None] = None
    needs_reference: ClassVar[bool] = True

    def lessons(self, groups: Sequence[Group], log_likelihoods: LogLikelihoods) -> Lessons:
        """c = beta sigmoid(-m) / pairs for the better answer of a pair, minus that for the worse, 0 for the rest."""
        starts = [sum(len(g.answers) for g in groups[:i]) for i in range(len(groups))]
        pairs = [
            (start + best, start + worst)
            for start, group in zip(starts, groups, strict=True)
            for best, worst in [_ends(group, self.margin)]
            if best != worst
        ]
        answers = [a for group in groups for a in group.answers]
        coefficients = [0.0] * len(answers)
        if not pairs:
            return Lessons(coefficients, {"pairs": 0.0})
        paired = [answers[i] for pair in pairs for i in pair]
        own, start = log_likelihoods("student", paired), log_likelihoods("reference", paired)
        gains = [p - r for p, r in zip(own, start, strict=True)]
        margins = [self.beta * (gains[2 * k] - gains[2 * k + 1]) for k in range(len(pairs))]
        for (best, worst), m in zip(pairs, margins, strict=True):
            pull = self.beta * _sigmoid(-m) / len(pairs)
            coefficients[best] += pull
            coefficients[worst] -= pull
        figures = {
            "pairs": float(len(pairs)),
            "dpo_loss": sum(_softplus(-m) for m in margins) / len(pairs),
            "pair_accuracy": sum(m > 0 for m in margins) / len(pairs),
        }
        return Lessons(coefficients, figures)


def _ends(group: Group, margin: float) -> tuple[int, int]:
    """The places of the best and the worst answer; the same one twice where they do not differ enough."""
    known = {i: s for i, s in enumerate(group.scores) if s is not None}
    if not known:
        return 0, 0
    best, worst = max(known, key=lambda i: known[i]), min(known, key=lambda i: known[i])
    return (best, worst) if known[best] - known[worst] > margin else (best, best)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
