"""Learn from grades of whole answers: raise the likelihood of some, lower that of others.

A judge says how good an answer is, not which of its tokens made it so. Everything that learns from such grades, be it
a policy gradient, best-of-n imitation or DPO, comes down to one number for each answer: how much its log-likelihood
counts. `stillhouse.distill.objectives` makes the numbers; here they become the gradient of the logits.
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

__all__ = ["LikelihoodGrader", "weighted_likelihood"]


def weighted_likelihood(
    token_N: Tensor, coefficient_N: Tensor, written_N: Tensor | None = None, clip: float | None = None
) -> Rule:
    """The rule: loss -c log p(y), gradient c (p - onehot(y)), for the coefficient c of each token.

    With `clip`, `written_N` are the log-probabilities (nats) with which the tokens were drawn, and the loss is the
    clipped surrogate  -min(c r, c clamp(r, 1 - clip, 1 + clip))  of the ratio r = p(y) / p_written(y) (Schulman et al.
    2017, PPO, arXiv 1707.06347, eq. 7). Its gradient is c r (p - onehot(y)), which for r = 1 is that of the first
    form, and 0 where the clamp holds: a token already moved as far as `clip` in the wanted direction moves no further.
    """

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        tokens_C1, scale_C1 = token_N[rows][:, None], coefficient_N[rows][:, None]
        logp_CV = torch.log_softmax(logits_CV, dim=-1)
        p_CV = torch.softmax(logits_CV, dim=-1)
        entropy_C = torch.linalg.vecdot(p_CV, logp_CV).neg_()
        logp_C1 = logp_CV.gather(1, tokens_C1)
        if clip is None:
            loss_C1 = -scale_C1 * logp_C1
            metrics = {"entropy": entropy_C}
        else:
            assert written_N is not None
            ratio_C1 = (logp_C1 - written_N[rows][:, None]).exp()
            clamped_C1 = ratio_C1.clamp(1 - clip, 1 + clip)
            loss_C1 = -torch.minimum(scale_C1 * ratio_C1, scale_C1 * clamped_C1)
            held_C1 = scale_C1 * clamped_C1 < scale_C1 * ratio_C1
            scale_C1 = torch.where(held_C1, 0.0, scale_C1 * ratio_C1)
            metrics = {"entropy": entropy_C, "clipped_tokens": held_C1[:, 0].float()}
        grad_CV = p_CV.mul_(scale_C1).scatter_add_(1, tokens_C1, -scale_C1)
        return RuleOutputs(loss_C1[:, 0], grad_CV, metrics)

    return rule


@dataclass(frozen=True, slots=True)
class LikelihoodGrader:
    """Takes the coefficients from the inputs; asks no teacher. `clip` needs the answers' own log-probabilities."""

    clip: float | None = None
    needs_teacher: ClassVar[bool] = False

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> None:
        """Nothing."""

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `weighted_likelihood`. ValueError without coefficients, or where clipping lacks log-probabilities."""
        if inputs.coefficient_N is None:
            raise ValueError("a likelihood grader needs the coefficients of an objective")
        written_N = None if self.clip is None else _written(inputs)
        return weighted_likelihood(inputs.token_N, inputs.coefficient_N, written_N, self.clip)


def _written(inputs: GradingInputs) -> Tensor:
    """The writer's log-probability of each of the N tokens, from the answers."""
    parts = []
    for row in torch.unique_consecutive(inputs.row_N).tolist():
        rollout = inputs.rollouts[row]
        if len(rollout.logprobs) != len(rollout.tokens):
            raise ValueError(f"answer to prompt {rollout.prompt_id} came without log-probabilities")
        parts.append(torch.tensor(rollout.logprobs))
    return torch.cat(parts).to(inputs.token_N.device)
