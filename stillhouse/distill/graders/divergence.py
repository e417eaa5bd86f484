"""Grade by the divergence between both models' whole next-token distributions.

The grade of an answer is the teacher's last hidden states, from which its logits are made again a chunk at
a time: 576 numbers a token for the bundled teacher instead of 49,152, and no approximation.

With p the student, q the teacher and m = (1 - beta) p + beta q, the divergence at one position is

    beta = 0        KL(q || p)                                 forward KL: cover all that the teacher would say
    0 < beta < 1    beta KL(q || m) + (1 - beta) KL(p || m)    generalised Jensen-Shannon
    beta = 1        KL(p || q)                                 reverse KL: say nothing that the teacher would not

(Agarwal et al. 2024, "On-Policy Distillation of Language Models", arXiv 2306.13649, section 2 and eq. 1). The
derivatives with respect to the student's logits are p - q; (1 - beta) p (log p/m - E_p[log p/m]); and
p (log p/q - E_p[log p/q]).
"""

import math
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

__all__ = ["DivergenceGrader", "divergence"]


def divergence(logits_CV: Tensor, teacher_logits_CV: Tensor, beta: float) -> RuleOutputs:
    """The divergence of each row and its gradient in the student's logits.

    Both arguments are float32 and are written over. Metrics: `kl`, the reverse KL(p || q) in nats, and
    `entropy` of the student, whatever `beta` is, so that runs can be compared.
    """
    logp = torch.log_softmax(logits_CV, dim=-1)
    logq = torch.log_softmax(teacher_logits_CV, dim=-1)
    p = torch.softmax(logits_CV, dim=-1)  # on a CPU half the time of exp(logp)
    entropy_C = torch.linalg.vecdot(p, logp).neg_()
    ratio = torch.sub(logp, logq, out=teacher_logits_CV)
    kl_C = torch.linalg.vecdot(p, ratio)
    metrics = {"kl": kl_C, "entropy": entropy_C}
    if beta == 1:
        return RuleOutputs(kl_C, ratio.sub_(kl_C[:, None]).mul_(p), metrics)
    if beta == 0:
        q = logq.exp()
        return RuleOutputs(-torch.linalg.vecdot(q, ratio), p.sub_(q), metrics)
    logm = torch.logaddexp(logp + math.log1p(-beta), logq + math.log(beta))
    teacher_C = torch.linalg.vecdot(logq.exp(), logq - logm)
    student = logp.sub_(logm)
    student_C = torch.linalg.vecdot(p, student)
    loss_C = beta * teacher_C + (1 - beta) * student_C
    return RuleOutputs(loss_C, student.sub_(student_C[:, None]).mul_(p).mul_(1 - beta), metrics)


@dataclass(frozen=True, slots=True)
class DivergenceGrader:
    """Full-vocabulary generalised Jensen-Shannon divergence at `beta`."""

    beta: float
    needs_teacher: ClassVar[bool] = True

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> TeacherReading:
        """See `read_tokens`."""
        return read_tokens(teacher, batch, rollouts)

    def rule(self, inputs: GradingInputs) -> Rule:
        """The rule that compares logits with the teacher's, made again from its hidden states chunk by chunk."""
        reading: TeacherReading = inputs.reading
        head, beta, temperature = reading.head, self.beta, inputs.temperature
        products = _Products(reading.hidden_NH, head, inputs.chunk)

        def compare(logits_CV: Tensor, rows: slice) -> RuleOutputs:
            teacher_CV = head.capped(products.of(rows).float())
            if temperature != 1:
                teacher_CV.div_(temperature)
            return divergence(logits_CV, teacher_CV, beta)

        return compare


class _Products:
    """The teacher's products with its head for the rows asked for, made `chunk` rows at a time: few would be slow.

    Rows are asked for once and in order; float32 ones may be written over.
    """

    def __init__(self, hidden_NH: Tensor, head: Head, chunk: int) -> None:
        self.hidden_NH, self.head, self.chunk = hidden_NH, head, chunk
        self._start = 0
        self._made_CV: Tensor | None = None

    def of(self, rows: slice) -> Tensor:
        """The products of `rows`."""
        if self._made_CV is None or rows.stop > self._start + len(self._made_CV):
            self._start = rows.start
            self._made_CV = self.head.project(self.hidden_NH[rows.start : max(rows.start + self.chunk, rows.stop)])
        return self._made_CV[rows.start - self._start : rows.stop - self._start]
