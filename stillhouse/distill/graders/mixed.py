"""Several grades of the same answers at once, with named weights.

A judge sees whether an answer is good and cannot say where; a teacher's probabilities say of every token what it would
have written and not whether the whole is any good. Their losses are added, each with its weight, over the same logits,
so the answers are read once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.graders.base import GradingInputs, TokenGrader
from stillhouse.distill.loss import Rule, RuleOutputs
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout

__all__ = ["MixedGrader", "Part", "mixed"]


@dataclass(frozen=True, slots=True)
class Part:
    """One of the grades: its name in metrics, its weight in the loss."""

    name: str
    weight: float
    grader: TokenGrader


def mixed(rules: Sequence[tuple[str, float, Rule]]) -> Rule:
    """The rule: sum of weight * rule. Metrics: `loss/<name>` of each, unweighted; of other figures the first one's."""

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        (_, weight, first), *rest = rules
        others = [(name, share, other(logits_CV.clone(), rows)) for name, share, other in rest]
        out = first(logits_CV, rows)
        loss_C, grad_CV = weight * out.loss_C, out.grad_CV.mul_(weight)
        metrics = {**out.metrics, f"loss/{rules[0][0]}": out.loss_C}
        for name, share, other_out in others:
            loss_C = loss_C + share * other_out.loss_C
            grad_CV.add_(other_out.grad_CV, alpha=share)
            metrics = {**other_out.metrics, **metrics, f"loss/{name}": other_out.loss_C}
        return RuleOutputs(loss_C, grad_CV, metrics)

    return rule


@dataclass(frozen=True, slots=True)
class MixedGrader:
    """The weighted sum of `parts`."""

    parts: tuple[Part, ...]

    @property
    def needs_teacher(self) -> bool:
        """Whether any part does."""
        return any(part.grader.needs_teacher for part in self.parts)

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> list[Any]:
        """What each part reads."""
        return [part.grader.read(teacher, batch, rollouts) for part in self.parts]

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `mixed`."""
        rules = []
        for part, reading in zip(self.parts, inputs.reading, strict=True):
            rules.append((part.name, part.weight, part.grader.rule(replace(inputs, reading=reading))))
        return mixed(rules)
