"""What every way of judging offers: the answers to one prompt in, one judgement each out.

A judge is a model that can only be asked. It never sees who wrote an answer, and a judgement that cannot be read is
missing, which is not the same as bad: a missing score leaves an answer out of learning, a zero would punish it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stillhouse.distill.prompts import Prompt

__all__ = ["Judge", "Judgement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was said of one answer: `score` in [0, 1], higher is better, None if missing.

    `detail` is what it rests on, as JSON values: scores by criterion, ranks by order shown, the critique, or under
    `missing` why there is no score.
    """

    score: float | None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Judge(Protocol):
    """Judges the answers to one prompt, which it may compare with each other."""

    @property
    def name(self) -> str:
        """Kind and model, for reports."""
        ...

    @property
    def templates(self) -> Mapping[str, str]:
        """Every text that is put to the model, by name, before an answer is filled in: kept in the manifest."""
        ...

    @property
    def scoring(self) -> str:
        """How replies become a score, in words: part of the judge's id, so grades made otherwise are another's."""
        ...

    async def judge(self, prompt: Prompt, answers: Sequence[str], *, seed: int) -> list[Judgement]:
        """One judgement for each of `answers`, in their order. `seed` decides the order in which they are shown.

        Raises EndpointError or BudgetError where the model cannot be asked at all; a single answer that cannot be
        judged is a missing judgement.
        """
        ...
