"""The loss of a batch of graded answers, a few hundred tokens at a time, with its gradient by hand.

A batch of 8 answers of 512 tokens against a vocabulary of 150,000 is 2.4 GB of logits for each model, and
automatic differentiation keeps several such arrays. Here only `chunk` rows exist at any moment: each chunk
is projected to the vocabulary, compared with its grade, and turned at once into the gradient of the hidden
states and of the head. That costs the three matrix products that the gradient needs and nothing is
computed twice.

Products want many rows, comparisons few: a dozen passes over a chunk of logits would each go to memory and back. So
on a CPU a chunk is compared in blocks of rows that stay in cache, and the gradient is written over the logits.

The loss knows no teacher. A `Rule` compares rows of the student's logits with rows of a grade and gives the
loss of each row and its derivative; every way of grading brings its own (see `stillhouse.distill.graders`).

Shape suffixes, here and in the graders: N completion tokens of a batch, C rows that are compared at once, H hidden
size, V vocabulary, K kept tokens.
"""

from collections.abc import Callable, Iterator
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

    def project(self, hidden_CH: Tensor, out: Tensor | None = None) -> Tensor:
        """The bare product [C, V], in the weight's own dtype; `out` is a buffer of that dtype with at least C rows."""
        weight = self.weight_VH[: self.vocabulary]
        return torch.mm(hidden_CH, weight.T, out=None if out is None else out[: len(hidden_CH)])

    def capped(self, product_CV: Tensor) -> Tensor:
        """The soft cap applied to a float32 product, in place."""
        if self.softcap is not None:
            product_CV.div_(self.softcap).tanh_().mul_(self.softcap)
        return product_CV

    def logits(self, hidden_CH: Tensor) -> Tensor:
        """float32 logits [C, V], a new array."""
        return self.capped(self.project(hidden_CH).float())


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
    chunk: int = 512


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
        loss_N = torch.empty(len(hidden_NH), dtype=torch.float32, device=hidden_NH.device)
        sums: dict[str, Tensor] = {}
        grad_hidden = torch.empty_like(hidden_NH) if hidden_NH.requires_grad else None
        grad_weight = _HeadGradient(weight_VH, vocabulary) if weight_VH.requires_grad else None
        products = hidden_NH.new_empty((min(inputs.chunk, len(hidden_NH)), vocabulary))
        for chunk in _slices(0, len(hidden_NH), inputs.chunk):
            products_CV = head.project(hidden_NH[chunk], out=products)
            for rows in _slices(chunk.start, chunk.stop, _block_rows(products)):
                block_CV = products_CV[rows.start - chunk.start : rows.stop - chunk.start]
                logits_CV = head.capped(block_CV.float())
                slope = None if head.softcap is None else 1 - (logits_CV / head.softcap).square_()
                if inputs.temperature != 1:
                    logits_CV.div_(inputs.temperature)
                out = rule(logits_CV, rows)
                loss_N[rows] = out.loss_C
                for name, value_C in {"loss": out.loss_C, **out.metrics}.items():
                    sums[name] = sums.get(name, 0) + value_C.sum(dtype=torch.float64)
                if slope is not None:
                    out.grad_CV.mul_(slope)
                scale_C = inputs.weight_N[rows].float() / inputs.temperature
                block_CV.copy_(out.grad_CV.mul_(scale_C[:, None]))
            if grad_hidden is not None:
                torch.mm(products_CV, weight_VH[:vocabulary], out=grad_hidden[chunk])
            if grad_weight is not None:
                grad_weight.add(products_CV, hidden_NH[chunk])
        metrics.update({name: float(value) for name, value in sums.items()})
        ctx.save_for_backward(grad_hidden, None if grad_weight is None else grad_weight.total())
        return torch.dot(inputs.weight_N.float(), loss_N)

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


class _HeadGradient:
    """The sum over chunks of gradient^T hidden, for the first `vocabulary` rows of `weight_VH`; 0 for the others.

    One chunk is one product. More are added in float32 even for bfloat16 weights, since sums over many chunks would
    lose what single chunks add.
    """

    def __init__(self, weight_VH: Tensor, vocabulary: int) -> None:
        self.weight_VH, self.vocabulary = weight_VH, vocabulary
        self._sum: Tensor | None = None

    def add(self, grad_CV: Tensor, hidden_CH: Tensor) -> None:
        if self._sum is None:
            self._sum = torch.empty_like(self.weight_VH)
            self._sum[self.vocabulary :] = 0
            torch.mm(grad_CV.T, hidden_CH, out=self._sum[: self.vocabulary])
            return
        self._sum = self._sum.float()  # the same tensor where it is float32
        if hidden_CH.dtype == torch.float32:
            self._sum[: self.vocabulary].addmm_(grad_CV.T, hidden_CH)
        else:
            self._sum[: self.vocabulary] += grad_CV.T @ hidden_CH

    def total(self) -> Tensor:
        return torch.zeros_like(self.weight_VH) if self._sum is None else self._sum.to(self.weight_VH.dtype)


_BLOCK_BYTES = 4 << 20


def _block_rows(products_CV: Tensor) -> int:
    """How many rows are compared at once: all on a GPU, on a CPU so few that their arrays fit in its cache."""
    if products_CV.device.type != "cpu":
        return max(1, len(products_CV))
    return max(4, _BLOCK_BYTES // (4 * products_CV.shape[1]))


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    """[start, stop) in consecutive slices of at most `size`."""
    return (slice(first, min(first + size, stop)) for first in range(start, stop, size))
