"""Grade across two tokenizers: by spans, the shortest stretches of an answer that both cut out of it.

A span has one probability under each model, p and q: the product over its tokens.

`span_reverse_kl`    A span's log p - log q is the advantage of each of its tokens. The sum over the spans of an answer
                     is log p - log q of the whole answer (the products telescope): its mean over the student's answers
                     is the reverse KL between both models' answers, written as the tokenizers write them. With equal
                     tokenizers this is `sampled`, number for number.
`span_binary`        The divergence between "this span" and "another one": {p, 1 - p} and {q, 1 - q}. Never negative, 0
                     where p = q, less noisy, and it needs no answer of the student's own. It sees only what was written
                     (Minixhofer et al. 2025, "Universal Cross-Tokenizer Distillation via Approximate Likelihood
                     Matching", arXiv 2503.20083, section 3).

What each guarantees and where it is biased: docs/cross_tokenizer.md. The third way is in `shared_spans`.

The loss is computed in blocks of rows, which may cut a span in two. So what a row needs of the span's other tokens
is computed beforehand and held fixed. Both gradients stay exact: the derivative in the logits of one of its rows is
d loss / d log p (span) times that of the row's own log-probability.

Shape suffixes: N tokens of the student, M of the teacher, S spans; others as in `stillhouse.distill.loss`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stillhouse.distill.graders.outcomes import outcome_divergence
from stillhouse.distill.graders.sampled import sampled_grade
from stillhouse.distill.loss import Head, Rule, RuleOutputs
from stillhouse.distill.reading import PackedSpans

__all__ = ["SpanGrade", "span_binary", "span_grade", "span_reverse_kl"]

_FLOOR = 1e-6  # of 1 - p in float32


@dataclass(frozen=True, slots=True)
class SpanGrade:
    """What each of the student's N tokens must know of its span.

    `size_N`: the span's tokens, 0 for a token in no span. `others_N`: the student's log-probability of its other
    tokens. `logq_N`: the teacher's of the whole span. `beyond_N`: log p - log q of the neighbouring spans. Nats.
    """

    token_N: Tensor
    size_N: Tensor
    others_N: Tensor
    logq_N: Tensor
    beyond_N: Tensor


def span_grade(
    spans: PackedSpans,
    teacher_logp_M: Tensor,
    token_N: Tensor,
    hidden_NH: Tensor,
    head: Head,
    *,
    temperature: float,
    chunk: int,
    window: int = 0,
) -> SpanGrade:
    """The grade of a micro-batch, from the teacher's log-probability of each of its own tokens.

    `hidden_NH` and `head` are the student's, read without gradient and only where a span has several of its tokens, or
    everywhere if `window` > 0: then the spans up to `window` before and after count in a token's advantage.
    """
    count = len(spans.answer_S)
    inside = spans.writer_N >= 0
    # One more entry than spans, 0: that of the tokens in no span, whose number is -1.
    size_N = torch.bincount(spans.writer_N[inside], minlength=count + 1)[spans.writer_N]
    logp_N = torch.zeros(len(token_N), device=token_N.device)
    asked = (inside if window else size_N > 1).nonzero()[:, 0]
    if len(asked):
        with torch.no_grad():
            logp_N[asked] = sampled_grade(hidden_NH[asked], head, token_N[asked], temperature, chunk).logp_N
    logp_S = _sums(spans.writer_N, logp_N, count)
    logq_S = _sums(spans.reader_M, teacher_logp_M, count)
    around_S = _neighbours(logp_S - logq_S, spans.answer_S, window)
    span_N = spans.writer_N
    return SpanGrade(token_N, size_N, logp_S[span_N] - logp_N, logq_S[span_N], around_S[span_N])


def span_reverse_kl(grade: SpanGrade) -> Rule:
    """The rule. A row's loss is its part of the span's log p - log q: that, over the number of the span's tokens.

    Gradient in the logits: (log p - log q of the span and its window) (onehot(y) - softmax).
    """

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        row = _Rows.of(grade, logits_CV, rows)
        ratio_C = row.logp_C - grade.logq_N[rows]
        advantage_C = torch.where(row.inside_C, ratio_C + grade.beyond_N[rows], 0.0)
        loss_C = torch.where(row.inside_C, ratio_C / row.size_C, 0.0)
        return row.outputs(loss_C, advantage_C, loss_C)

    return rule


def span_binary(grade: SpanGrade, beta: float) -> Rule:
    """The rule: the divergence at `beta` between the span and any other text, shared out among the span's tokens."""

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        row = _Rows.of(grade, logits_CV, rows)
        logp_C2, logq_C2 = _binary(row.logp_C), _binary(grade.logq_N[rows])
        span_loss_C, grad_C2, span_kl_C = outcome_divergence(logp_C2, logq_C2, beta)
        odds_C = (logp_C2[:, 0] - logp_C2[:, 1]).exp()  # d log(1 - p) = -p / (1 - p) d log p
        slope_C = torch.where(row.inside_C, grad_C2[:, 0] - grad_C2[:, 1] * odds_C, 0.0)
        loss_C, kl_C = (torch.where(row.inside_C, part / row.size_C, 0.0) for part in (span_loss_C, span_kl_C))
        return row.outputs(loss_C, slope_C, kl_C)

    return rule


@dataclass(frozen=True, slots=True)
class _Rows:
    """What both rules need of C rows: the log-probability of each row's span, and its softmax for the gradient."""

    token_C1: Tensor
    p_CV: Tensor
    entropy_C: Tensor
    logp_C: Tensor
    size_C: Tensor
    inside_C: Tensor

    @classmethod
    def of(cls, grade: SpanGrade, logits_CV: Tensor, rows: slice) -> "_Rows":
        token_C1 = grade.token_N[rows][:, None]
        logp_CV = torch.log_softmax(logits_CV, dim=-1)
        p_CV = torch.softmax(logits_CV, dim=-1)
        entropy_C = torch.linalg.vecdot(p_CV, logp_CV).neg_()
        logp_C = logp_CV.gather(1, token_C1)[:, 0] + grade.others_N[rows]
        size_C = grade.size_N[rows]
        return cls(token_C1, p_CV, entropy_C, logp_C, size_C, size_C > 0)

    def outputs(self, loss_C: Tensor, slope_C: Tensor, kl_C: Tensor) -> RuleOutputs:
        """The gradient is slope (onehot(y) - p); `covered` counts the tokens that are graded at all."""
        slope_C1 = slope_C[:, None]
        grad_CV = self.p_CV.mul_(-slope_C1).scatter_add_(1, self.token_C1, slope_C1)
        metrics = {"kl": kl_C, "entropy": self.entropy_C, "covered": self.inside_C.to(loss_C.dtype)}
        return RuleOutputs(loss_C, grad_CV, metrics)


def _sums(span_N: Tensor, value_N: Tensor, count: int) -> Tensor:
    """The sum of the values in each of `count` spans, and 0 at the end."""
    inside = span_N >= 0
    return value_N.new_zeros(count + 1).index_add_(0, span_N[inside], value_N[inside])


def _neighbours(ratio_S: Tensor, answer_S: Tensor, window: int) -> Tensor:
    """The sum over the up to `window` spans before and after each, of the same answer, without itself. Last is a 0."""
    if not window:
        return torch.zeros_like(ratio_S)
    place = torch.arange(len(answer_S), device=answer_S.device)
    first = torch.searchsorted(answer_S, answer_S).maximum(place - window)
    last = torch.searchsorted(answer_S, answer_S, right=True).minimum(place + window + 1)
    before = torch.cat([ratio_S.new_zeros(1, dtype=torch.float64), ratio_S.double().cumsum(0)])
    around_S = before[last] - before[first] - ratio_S[:-1]
    return torch.cat([around_S.to(ratio_S.dtype), ratio_S.new_zeros(1)])


def _binary(logp_C: Tensor) -> Tensor:
    """log p and log(1 - p) [C, 2]. The floor keeps a certain span at a finite cost."""
    other_C = (-torch.expm1(logp_C)).clamp_min(_FLOOR)
    return torch.stack([logp_C, other_C.log()], dim=-1)
