"""Best-of-n imitation: of the answers to a prompt, learn the best one by heart.

Fine-tuning on the best of n samples moves the student towards the best-of-n distribution, which is near the best
trade of score against divergence from the student's own (Gui et al. 2024, "BoNBoN Alignment", arXiv 2406.00832;
Stiennon et al. 2020, arXiv 2009.01325, appendix G.3 for the divergence log n - (n - 1) / n). It needs no
log-probabilities and no ratio, so it is the robust choice for answers of mixed origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stillhouse.distill.objectives.base import Group, Lessons, LogLikelihoods

__all__ = ["BestOfN"]


@dataclass(frozen=True, slots=True)
class BestOfN:
    """Imitates the answer with the highest score of each group where it is above some other's."""

    clip: ClassVar[float | None] = None
    needs_reference: ClassVar[bool] = False

    def lessons(self, groups: Sequence[Group], log_likelihoods: LogLikelihoods) -> Lessons:
        """c = 1 / (tokens of all chosen answers) for the chosen, 0 for the others. The first of equals is chosen."""
        chosen = [_best(group) for group in groups]
        tokens = sum(len(g.answers[i].tokens) for g, i in zip(groups, chosen, strict=True) if i is not None)
        coefficients = [
            1.0 / tokens if i == best else 0.0
            for group, best in zip(groups, chosen, strict=True)
            for i in range(len(group.answers))
        ]
        return Lessons(coefficients, {"chosen": float(sum(i is not None for i in chosen))})


def _best(group: Group) -> int | None:
    known = {i: s for i, s in enumerate(group.scores) if s is not None}
    if len(set(known.values())) < 2:
        return None  # nothing says that one is better than another
    return max(known, key=lambda i: known[i])
