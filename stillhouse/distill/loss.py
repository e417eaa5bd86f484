"""The loss of a batch of graded answers, a few hundred tokens at a time, with its gradient by hand.

A batch of 8 answers of 512 tokens against a vocabulary of 150,000 is 2.4 GB of logits for each model, and
automatic differentiation keeps several such arrays. Here only `chunk` rows exist at any moment: each chunk
is projected to the vocabulary, compared with its grade, and turned at once into the gradient of the hidden
states and of the head. That costs the three matrix products that the gradient needs and nothing is
computed twice.

The loss knows no teacher. A `Rule` compares rows of the student's logits with rows of a grade and gives the
loss of each row and its derivative; every way of grading brings its own (see `stillhouse.distill.graders`).

Shape suffixes, here and in the graders: N completion tokens of a batch, C rows of one chunk, H hidden size,
V vocabulary, K kept tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Head", "LossInputs", "LossOutputs", "Rule", "RuleOutputs", "graded_loss"]


@dataclass(frozen=True, slots=True)
class Head:
    """The projection from hidden states to logits.

    Only the first `vocabulary` rows of `weight_VH` are used: rows beyond the tokenizer are padding that
    no text can produce, and models of one family often carry different amounts of it.
    """

    weight_VH: Tensor
    vocabulary: int
    softcap: float | None = None

    def logits(self, hidden_CH: Tensor, out: Tensor | None = None) -> Tensor:
        """float32 logits [C, V]; `out` is a float32 buffer of at least that many rows."""
        weight = self.weight_VH[: self.vocabulary]
        if out is not None and weight.dtype == torch.float32:
            logits = torch.mm(hidden_CH, weight.T, out=out[: len(hidden_CH)])
        else:
            logits = (hidden_CH @ weight.T).float()
        if self.softcap is not None:
            logits.div_(self.softcap).tanh_().mul_(self.softcap)
        return logits


@dataclass(frozen=True, slots=True)
class RuleOutputs:
    """What a rule says of C rows: `loss_C` in nats, `grad_CV` = d loss_C / d logits, and figures to report.

    A rule may write over the logits it was given and return them as `grad_CV`.
    """

    loss_C: Tensor
    grad_CV: Tensor
    metrics: dict[str, Tensor]


Rule = Callable[[Tensor, slice], RuleOutputs]
"""`rule(logits_CV, rows)`: `rows` says which of the N tokens these are."""


@dataclass(frozen=True, slots=True)
class LossInputs:
    """`hidden_NH`: the student's last hidden states, row i predicting completion token i.

    `weight_N`: each token's share of the loss. The loss is sum(weight * loss), so weights of 1/N give the
    mean, and a micro-batch of a larger batch passes 1/(tokens of the whole batch).
    """

    hidden_NH: Tensor
    head: Head
    weight_N: Tensor
    temperature: float = 1.0
    chunk: int = 256


@dataclass(frozen=True, slots=True)
class LossOutputs:
    """`loss`: a scalar to call `backward()` on. `metrics`: sums over the tokens, not weighted."""

    loss: Tensor
    metrics: dict[str, float]


def graded_loss(inputs: LossInputs, rule: Rule) -> LossOutputs:
    """sum_i weight_i * rule(logits_i / temperature), differentiable in `hidden_NH` and the head's weight.

    The derivative is exact: that of the rule through the temperature and the soft cap. `metrics` holds
    `loss` (the unweighted sum of the rows' losses in nats) and the sums of the rule's own figures.
    """
    metrics: dict[str, float] = {}
    loss: Tensor = _GradedLoss.apply(  # type: ignore[no-untyped-call]
        inputs.hidden_NH, inputs.head.weight_VH, inputs, rule, metrics
    )
    return LossOutputs(loss=loss, metrics=metrics)


class _GradedLoss(torch.autograd.Function):
    """Both passes at once: the gradient for a unit upstream gradient is ready when the loss is."""

    @staticmethod
    def forward(
        ctx: Any, hidden_NH: Tensor, weight_VH: Tensor, inputs: LossInputs, rule: Rule, metrics: dict[str, float]
    ) -> Tensor:
        head, vocabulary = inputs.head, inputs.head.vocabulary
        total = hidden_NH.new_zeros((), dtype=torch.float32)
        grad_hidden = torch.empty_like(hidden_NH) if hidden_NH.requires_grad else None
        # float32 even for bfloat16 weights: sums over many chunks would lose what single chunks add.
        grad_weight = torch.zeros_like(weight_VH, dtype=torch.float32) if weight_VH.requires_grad else None
        n = len(hidden_NH)
        buffer = hidden_NH.new_empty((min(inputs.chunk, n), vocabulary), dtype=torch.float32)
        sums: dict[str, Tensor] = {}
        for start in range(0, n, inputs.chunk):
            rows = slice(start, min(start + inputs.chunk, n))
            hidden_CH = hidden_NH[rows]
            logits_CV = head.logits(hidden_CH, out=buffer)
            slope = None if head.softcap is None else 1 - (logits_CV / head.softcap).square_()
            if inputs.temperature != 1:
                logits_CV.div_(inputs.temperature)
            out = rule(logits_CV, rows)
            weight_C = inputs.weight_N[rows].float()
            total += torch.dot(weight_C, out.loss_C)
            for name, value_C in {"loss": out.loss_C, **out.metrics}.items():
                sums[name] = sums.get(name, 0) + value_C.sum(dtype=torch.float64)
            if grad_hidden is None and grad_weight is None:
                continue
            grad_CV = out.grad_CV.mul_((weight_C / inputs.temperature)[:, None])
            if slope is not None:
                grad_CV.mul_(slope)
            grad_CV = grad_CV.to(hidden_NH.dtype)
            if grad_hidden is not None:
                torch.mm(grad_CV, weight_VH[:vocabulary], out=grad_hidden[rows])
            if grad_weight is not None:
                if hidden_CH.dtype == torch.float32:
                    grad_weight[:vocabulary].addmm_(grad_CV.T, hidden_CH)
                else:
                    grad_weight[:vocabulary] += grad_CV.T @ hidden_CH
        metrics.update({name: float(value) for name, value in sums.items()})
        ctx.save_for_backward(grad_hidden, None if grad_weight is None else grad_weight.to(weight_VH.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        scale = upstream[0]
        return (
            None if grad_hidden is None else grad_hidden.mul_(scale.to(grad_hidden.dtype)),
            None if grad_weight is None else grad_weight.mul_(scale.to(grad_weight.dtype)),
            None,
            None,
            None,
        )
