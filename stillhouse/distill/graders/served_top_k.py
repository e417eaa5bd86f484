"""Grade by the k likeliest tokens of a teacher that is served by vLLM and need not fit anywhere near the student.

The grade is that of `top_k`: the server's `prompt_logprobs` are the k likeliest tokens at each place of a given text,
and what they leave is the tail. A server gives probabilities at temperature 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.graders.base import GradingInputs
from stillhouse.distill.graders.top_k import TopKGrade, top_k_divergence
from stillhouse.distill.loss import Rule
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout
from stillhouse.errors import EndpointError
from stillhouse.models.vllm import Likeliest, VllmServer

__all__ = ["ServedTopKGrader", "served_top_k", "top_k_of"]

_FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class ServedTopKGrader:
    """`TopKGrader` with the teacher at `server`, which has the student's tokenizer: nothing here can tell."""

    server: VllmServer
    k: int
    beta: float
    needs_teacher: ClassVar[bool] = True

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> TopKGrade:
        """The grade of the tokens of `batch`, in their order; `teacher` is not looked at."""
        owners = torch.unique_consecutive(batch.row_N).tolist()
        grade = served_top_k(self.server, [rollouts[i] for i in owners], self.k)
        device = batch.token_N.device
        return TopKGrade(grade.tokens_NK.to(device), grade.logp_NK.to(device), grade.tail_N1.to(device))

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `top_k_divergence`. EndpointError if the server names a token that the student does not have."""
        grade: TopKGrade = inputs.reading
        last, vocabulary = int(grade.tokens_NK.max()), inputs.student_head.vocabulary
        if last >= vocabulary:
            raise EndpointError(
                f"{self.server.place}: finds token {last} likely, beyond the student's {vocabulary}; serve a teacher "
                "with the student's tokenizer"
            )
        return top_k_divergence(grade, self.beta)


def served_top_k(server: VllmServer, rollouts: Sequence[Rollout], k: int) -> TopKGrade:
    """`top_k_grade` at temperature 1 by a teacher's server: a row for each token of each answer, in order."""
    texts = [(*r.prompt_tokens, *r.tokens) for r in rollouts]
    scored = server.score(texts, [len(r.prompt_tokens) for r in rollouts], k)
    return top_k_of([row for rows in scored for row in rows])


def top_k_of(rows: Sequence[Likeliest]) -> TopKGrade:
    """The grade of as many tokens as there are rows.

    The tail is 1 - sum(kept) in float64, at least 1e-9 as in `top_k_grade`. Served log-probabilities are rounded to
    float32, so a tail below about 1e-7 is what rounding leaves.
    """
    tokens_NK = torch.tensor([row.tokens for row in rows])
    logp_NK = torch.tensor([row.logprobs for row in rows], dtype=torch.float64)
    kept_N1 = logp_NK.exp().sum(-1, keepdim=True).clamp_max(1 - _FLOOR)
    return TopKGrade(tokens_NK, logp_NK.float(), torch.log1p(-kept_N1).float())
