"""No grade at all: the given answer is taken as right, token by token.

This is fine-tuning on given text (sequence-level distillation where the teacher wrote it; Kim & Rush 2016,
arXiv 1606.07947). It is here as the baseline that grading must beat, and for teachers that only write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.graders.base import GradingInputs
from stillhouse.distill.loss import Rule, RuleOutputs
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout

__all__ = ["ImitationGrader", "imitation"]


def imitation(tokens_N: Tensor) -> Rule:
    """The rule: loss -log p(y), gradient p - onehot(y)."""

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        tokens_C1 = tokens_N[rows][:, None]
        logp_CV = torch.log_softmax(logits_CV, dim=-1)
        loss_C1 = -logp_CV.gather(1, tokens_C1)
        p_CV = torch.softmax(logits_CV, dim=-1)
        entropy_C = torch.linalg.vecdot(p_CV, logp_CV).neg_()
        grad_CV = p_CV.scatter_add_(1, tokens_C1, torch.full_like(loss_C1, -1.0))
        return RuleOutputs(loss_C1[:, 0], grad_CV, {"entropy": entropy_C})

    return rule


@dataclass(frozen=True, slots=True)
class ImitationGrader:
    """Cross-entropy on the given tokens; asks no teacher."""

    needs_teacher: ClassVar[bool] = False

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> None:
        """Nothing."""

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `imitation`."""
        return imitation(inputs.token_N)
