"""The losses once more, in float64 NumPy and in the plainest way: what the value tests compare with."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from stillhouse.distill.graders import (
    DivergenceGrader,
    GradingInputs,
    ImitationGrader,
    SampledGrader,
    TeacherReading,
    TokenGrader,
    TopKGrader,
)
from stillhouse.distill.loss import Head, LossInputs, graded_loss

__all__ = ["KINDS", "Case", "Kind", "divergence", "log_softmax", "numeric_gradient", "random_case", "with_tail"]

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]


def log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


def divergence(logp: Array, logq: Array, beta: float) -> Array:
    """Per row: KL(q || p) at 0, KL(p || q) at 1, else beta KL(q || m) + (1 - beta) KL(p || m)."""

    def kl(a: Array, b: Array) -> Array:
        result: Array = (np.exp(a) * (a - b)).sum(-1)
        return result

    if beta in (0, 1):
        return kl(logp, logq) if beta else kl(logq, logp)
    logm = np.log((1 - beta) * np.exp(logp) + beta * np.exp(logq))
    return beta * kl(logq, logm) + (1 - beta) * kl(logp, logm)


def with_tail(logp: Array, kept: Tokens) -> Array:
    """Log-probabilities of the kept tokens and of all others together."""
    p = np.exp(logp)
    others = np.ones_like(p, dtype=bool)
    np.put_along_axis(others, kept, False, axis=-1)
    tail = (p * others).sum(-1, keepdims=True)
    result: Array = np.concatenate([np.take_along_axis(logp, kept, -1), np.log(tail)], axis=-1)
    return result


def at(logp: Array, tokens: Tokens) -> Array:
    result: Array = np.take_along_axis(logp, tokens[:, None], -1)[:, 0]
    return result


Rows = Callable[[Array, Array, Tokens], Array]


@dataclass(frozen=True)
class Kind:
    """A grader, the loss of each row from (log p, log q, tokens), and what its gradient is the gradient of.

    `objective` takes log p held fixed as a fourth argument: the policy gradient's advantage does not move.
    """

    name: str
    grader: TokenGrader
    value: Rows
    objective: Callable[[Array, Array, Tokens, Array], Array]


def _plain(name: str, grader: TokenGrader, value: Rows) -> Kind:
    return Kind(name, grader, value, lambda logp, logq, tokens, fixed: value(logp, logq, tokens))


def _divergence_kind(beta: float) -> Kind:
    return _plain(f"divergence-{beta}", DivergenceGrader(beta), lambda logp, logq, tokens: divergence(logp, logq, beta))


def _top_k_kind(k: int, beta: float) -> Kind:
    def value(logp: Array, logq: Array, tokens: Tokens) -> Array:
        kept = np.argsort(-logq, axis=-1)[:, :k]
        return divergence(with_tail(logp, kept), with_tail(logq, kept), beta)

    return _plain(f"top_{k}-{beta}", TopKGrader(k, beta), value)


KINDS = (
    *(_divergence_kind(beta) for beta in (0.0, 0.25, 0.5, 1.0)),
    *(_top_k_kind(3, beta) for beta in (0.0, 0.5, 1.0)),
    Kind(
        "sampled",
        SampledGrader(),
        lambda logp, logq, tokens: at(logp, tokens) - at(logq, tokens),
        lambda logp, logq, tokens, fixed: (at(fixed, tokens) - at(logq, tokens)) * at(logp, tokens),
    ),
    _plain("imitation", ImitationGrader(), lambda logp, logq, tokens: -at(logp, tokens)),
)


@dataclass(frozen=True)
class Case:
    """N tokens of a student and a teacher of other hidden sizes and with other padding of their vocabularies."""

    hidden: Array
    weight: Array
    teacher_hidden: Array
    teacher_weight: Array
    tokens: Tokens
    share: Array
    vocabulary: int
    temperature: float = 1.0
    softcap: float | None = None

    def logp(self, hidden: Array, weight: Array) -> Array:
        logits = hidden @ weight[: self.vocabulary].T
        if self.softcap is not None:
            logits = self.softcap * np.tanh(logits / self.softcap)
        return log_softmax(logits / self.temperature)

    def loss(self, kind: Kind) -> float:
        """The weighted sum over the rows."""
        logp, logq = self.logp(self.hidden, self.weight), self.logp(self.teacher_hidden, self.teacher_weight)
        return float(self.share @ kind.value(logp, logq, self.tokens))

    def gradients(self, kind: Kind) -> tuple[Array, Array]:
        """Central differences in the hidden states and in the head's weight."""
        fixed, logq = self.logp(self.hidden, self.weight), self.logp(self.teacher_hidden, self.teacher_weight)

        def at_point(hidden: Array, weight: Array) -> float:
            return float(self.share @ kind.objective(self.logp(hidden, weight), logq, self.tokens, fixed))

        return (
            numeric_gradient(lambda hidden: at_point(hidden, self.weight), self.hidden),
            numeric_gradient(lambda weight: at_point(self.hidden, weight), self.weight),
        )

    def run(self, kind: Kind, chunk: int = 1000) -> tuple[float, Array, Array, dict[str, float]]:
        """What the package makes of it: loss, both gradients, metrics."""
        hidden = torch.tensor(self.hidden, dtype=torch.float32, requires_grad=True)
        weight = torch.tensor(self.weight, dtype=torch.float32, requires_grad=True)
        teacher = Head(torch.tensor(self.teacher_weight, dtype=torch.float32), self.vocabulary, self.softcap)
        share = torch.tensor(self.share, dtype=torch.float32)
        head = Head(weight, self.vocabulary, self.softcap)
        rule = kind.grader.rule(self.inputs(hidden.detach(), head, teacher, chunk))
        out = graded_loss(LossInputs(hidden, head, share, self.temperature, chunk), rule)
        grads = torch.autograd.grad(out.loss, [hidden, weight])
        return out.loss.item(), grads[0].double().numpy(), grads[1].double().numpy(), out.metrics

    def inputs(self, hidden: torch.Tensor, head: Head, teacher: Head, chunk: int = 1000) -> GradingInputs:
        """The tokens of this case as a grader gets them."""
        return GradingInputs(
            rollouts=[],
            row_N=torch.zeros(len(self.tokens), dtype=torch.long),
            token_N=torch.tensor(self.tokens),
            temperature=self.temperature,
            chunk=chunk,
            student_hidden_NH=hidden,
            student_head=head,
            reading=TeacherReading(torch.tensor(self.teacher_hidden, dtype=torch.float32), teacher),
        )

    def padded_differently(self, seed: int) -> "Case":
        """The same case with other numbers in the rows of the heads that no token uses."""
        rng = np.random.default_rng(seed)
        weight, teacher_weight = self.weight.copy(), self.teacher_weight.copy()
        weight[self.vocabulary :] = rng.normal(size=weight[self.vocabulary :].shape) * 50
        teacher_weight[self.vocabulary :] = rng.normal(size=teacher_weight[self.vocabulary :].shape) * 50
        return replace(self, weight=weight, teacher_weight=teacher_weight)


def random_case(seed: int = 0, temperature: float = 1.0, softcap: float | None = None) -> Case:
    """5 tokens, 7 token ids, hidden sizes 4 and 3, two and one padding rows."""
    rng = np.random.default_rng(seed)
    return Case(
        hidden=rng.normal(size=(5, 4)),
        weight=rng.normal(size=(9, 4)),
        teacher_hidden=rng.normal(size=(5, 3)),
        teacher_weight=rng.normal(size=(8, 3)),
        tokens=rng.integers(0, 7, size=5),
        share=rng.uniform(0.1, 0.9, size=5),
        vocabulary=7,
        temperature=temperature,
        softcap=softcap,
    )


def numeric_gradient(function: Callable[[Array], float], point: Array, step: float = 1e-5) -> Array:
    """Central differences, one entry at a time."""
    gradient = np.zeros_like(point)
    for index in np.ndindex(*point.shape):
        up, down = point.copy(), point.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient
