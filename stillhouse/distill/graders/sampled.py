"""Grade only the token that the student sampled: the cheapest reading of the reverse KL.

For an answer drawn from the student, log p(y) - log q(y) at the sampled token is an unbiased estimate of
KL(p || q) at that position, given the answer up to it; the gradient of the KL is that of  -A log p(y)  with
the advantage A = log q(y) - log p(y) held fixed (the score-function estimator; Gu et al. 2024, MiniLLM,
arXiv 2306.08543, eq. 3 without its long-range part). The mean of a batch divides by the number of tokens, which
is sampled as well: a ratio estimate of the mean KL per token, whose bias vanishes as the batch grows. One number a
token is all a teacher has to give, but the estimate is noisier than the full divergence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.graders.base import GradingInputs, TeacherReading, read_tokens
from stillhouse.distill.loss import Head, Rule, RuleOutputs
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout

__all__ = ["SampledGrade", "SampledGrader", "sampled_grade", "sampled_reverse_kl"]


@dataclass(frozen=True, slots=True)
class SampledGrade:
    """`tokens_N` (int64) that were sampled, and the teacher's log-probability `logp_N` (nats) of each."""

    tokens_N: Tensor
    logp_N: Tensor


def sampled_grade(hidden_NH: Tensor, head: Head, token_N: Tensor, temperature: float, chunk: int) -> SampledGrade:
    """The teacher's log-probability of each sampled token."""
    parts = []
    for rows, tokens in zip(hidden_NH.split(chunk), token_N.split(chunk), strict=True):
        logits = head.logits(rows).div_(temperature)
        parts.append(logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1))
    return SampledGrade(token_N, torch.cat(parts))


def sampled_reverse_kl(grade: SampledGrade) -> Rule:
    """The rule. Its loss is the estimate log p(y) - log q(y), which single rows can make negative.

    Gradient in the logits: (log p(y) - log q(y)) (onehot(y) - p). Its expectation over y ~ p is the gradient
    of KL(p || q).
    """

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        tokens_C1 = grade.tokens_N[rows][:, None]
        logp_CV = torch.log_softmax(logits_CV, dim=-1)
        p_CV = torch.softmax(logits_CV, dim=-1)
        entropy_C = torch.linalg.vecdot(p_CV, logp_CV).neg_()
        estimate_C1 = logp_CV.gather(1, tokens_C1) - grade.logp_N[rows][:, None]
        grad_CV = p_CV.mul_(-estimate_C1).scatter_add_(1, tokens_C1, estimate_C1)
        return RuleOutputs(estimate_C1[:, 0], grad_CV, {"kl": estimate_C1[:, 0], "entropy": entropy_C})

    return rule


@dataclass(frozen=True, slots=True)
class SampledGrader:
    """Reverse KL estimated at the sampled token."""

    needs_teacher: ClassVar[bool] = True

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> TeacherReading:
        """See `read_tokens`."""
        return read_tokens(teacher, batch, rollouts)

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `sampled_reverse_kl`."""
        reading: TeacherReading = inputs.reading
        return sampled_reverse_kl(
            sampled_grade(reading.hidden_NH, reading.head, inputs.token_N, inputs.temperature, inputs.chunk)
        )
