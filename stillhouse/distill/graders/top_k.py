"""Grade by the teacher's k likeliest tokens and one bucket for everything else.

k log-probabilities and token ids a position are small enough to keep on disk or to ask of a server, and
with the bucket the comparison stays a divergence between two proper distributions on k + 1 outcomes:
it is never negative and, by the data-processing inequality, never above the full divergence. Dropping the
tail instead, or renormalising over the k, has no such bound and lets the student move mass to the tail
unseen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.graders.base import GradingInputs, TeacherReading, read_tokens
from stillhouse.distill.graders.outcomes import outcome_divergence
from stillhouse.distill.loss import Head, Rule, RuleOutputs
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout

__all__ = ["TopKGrade", "TopKGrader", "top_k_divergence", "top_k_grade"]

_FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class TopKGrade:
    """`tokens_NK` (int64), their log-probabilities `logp_NK` under the teacher, and that of all others, `tail_N1`.

    float32, nats. The tail is kept, since 1 - sum(kept) loses it in float32 where the teacher is nearly certain.
    """

    tokens_NK: Tensor
    logp_NK: Tensor
    tail_N1: Tensor


def top_k_grade(hidden_NH: Tensor, head: Head, k: int, temperature: float, chunk: int) -> TopKGrade:
    """Keep the `k` likeliest tokens (all, if the vocabulary is smaller) of the teacher at each position."""
    k = min(k, head.vocabulary)
    parts = []
    for rows in hidden_NH.split(chunk):
        logp_CV = torch.log_softmax(head.logits(rows).div_(temperature), dim=-1)
        kept = logp_CV.topk(k, dim=-1)
        tail_C1 = logp_CV.scatter_(1, kept.indices, -torch.inf).logsumexp(-1, keepdim=True)
        # The floor keeps the tail of a teacher that is certain at a finite cost.
        parts.append(TopKGrade(kept.indices, kept.values, tail_C1.clamp_min(math.log(_FLOOR))))
    return TopKGrade(
        torch.cat([p.tokens_NK for p in parts]),
        torch.cat([p.logp_NK for p in parts]),
        torch.cat([p.tail_N1 for p in parts]),
    )


def top_k_divergence(grade: TopKGrade, beta: float) -> Rule:
    """The rule: generalised Jensen-Shannon on the k tokens and the tail (see `divergence` for `beta`).

    With p' and q' the two distributions on k + 1 outcomes and g_j = d loss / d log p'_j, the gradient in the
    student's logits is g_i - p_i G for a kept token i and p_i (g_tail / p'_tail - G) for one in the tail,
    where G is the sum of all g_j.
    """

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        tokens_CK, logq_CK = grade.tokens_NK[rows], grade.logp_NK[rows]
        logp_CV = torch.log_softmax(logits_CV, dim=-1)
        p_CV = torch.softmax(logits_CV, dim=-1)
        entropy_C = torch.linalg.vecdot(p_CV, logp_CV).neg_()
        kept_CK = logp_CV.gather(1, tokens_CK)
        # What is left is summed, not taken as 1 - sum(kept): float32 cannot show a tail below 1e-7 that way, and
        # the gradient divides by it.
        tail_C1 = p_CV.scatter_(1, tokens_CK, 0.0).sum(-1, keepdim=True).clamp_min(_FLOOR)
        logp = torch.cat([kept_CK, tail_C1.log()], dim=-1)
        logq = torch.cat([logq_CK, grade.tail_N1[rows]], dim=-1)
        loss_C, grad_logp, kl_C = outcome_divergence(logp, logq, beta)
        p = logp.exp()
        share_of_tail = grad_logp[:, -1:] / p[:, -1:]
        whole = grad_logp.sum(-1, keepdim=True)
        grad_CV = p_CV.mul_(share_of_tail - whole)
        grad_CV.scatter_(1, tokens_CK, grad_logp[:, :-1] - p[:, :-1] * whole)
        return RuleOutputs(loss_C, grad_CV, {"kl": kl_C, "entropy": entropy_C})

    return rule


@dataclass(frozen=True, slots=True)
class TopKGrader:
    """Divergence on the teacher's `k` likeliest tokens and the tail, at `beta`."""

    k: int
    beta: float
    needs_teacher: ClassVar[bool] = True

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> TeacherReading:
        """See `read_tokens`."""
        return read_tokens(teacher, batch, rollouts)

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `top_k_divergence`."""
        reading: TeacherReading = inputs.reading
        kept = top_k_grade(reading.hidden_NH, reading.head, self.k, inputs.temperature, inputs.chunk)
        return top_k_divergence(kept, self.beta)
