"""Grade across two tokenizers by both models' next-token distributions, as far as they have tokens in common.

Where a span is one token of each side, the two distributions at its beginning are compared on the teacher's k
likeliest tokens that the student has too, and one bucket for all others; other spans are compared by `span_binary`.
That is the hybrid of GOLD (Hugging Face 2025, "Unlocking On-Policy Distillation for Any Model Family", TRL's
`GOLDTrainer`) with a proper divergence for the rest of both vocabularies. The sorted probabilities that it takes there
(ULD; Boizard et al. 2024, arXiv 2402.12030) are equal for models that say different things, so they bound nothing.

It is the densest grade and the least true one: that the next token is "lo" does not mean the same where "low" is a
token as where it is not, so a student that writes exactly as its teacher does still has a loss (Sreenivas et al.
2026, X-Token, arXiv 2605.21699, measure what that does to numbers of several digits).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stillhouse.distill.graders.cross_tokenizer import SpanGrade, span_binary
from stillhouse.distill.graders.top_k import TopKGrade, top_k_divergence
from stillhouse.distill.loss import Head, Rule, RuleOutputs
from stillhouse.distill.reading import PackedSpans

__all__ = ["SharedGrade", "shared_grade", "span_shared"]

_FLOOR = 1e-9  # as that of `top_k`


@dataclass(frozen=True, slots=True)
class SharedGrade:
    """A teacher's likeliest shared tokens for some of the student's rows: `index_N`, a row's place in `kept`, or -1."""

    index_N: Tensor
    kept: TopKGrade


def shared_grade(
    spans: PackedSpans, hidden_MH: Tensor, head: Head, student_id_V: Tensor, *, k: int, temperature: float, chunk: int
) -> SharedGrade:
    """Keep the `k` likeliest of the teacher's tokens that the student has too, where a span is one token of each.

    `hidden_MH` and `head` are the teacher's; `student_id_V` gives the student's id of each of its tokens, -1 if none.
    """
    count = len(spans.answer_S)
    mine, theirs = (torch.bincount(part[part >= 0], minlength=count) for part in (spans.writer_N, spans.reader_M))
    single_S = torch.cat([(mine == 1) & (theirs == 1), mine.new_zeros(1, dtype=torch.bool)])  # the last: of no span
    rows_N, rows_M = (single_S[part].nonzero()[:, 0] for part in (spans.writer_N, spans.reader_M))
    # The teacher's answers may lie in another order than the student's.
    rows_M = rows_M[spans.reader_M[rows_M].argsort()]
    index_N = torch.full_like(spans.writer_N, -1)
    index_N[rows_N] = torch.arange(len(rows_N), device=index_N.device)
    return SharedGrade(index_N, _kept(hidden_MH[rows_M], head, student_id_V, k, temperature, chunk))


def span_shared(grade: SpanGrade, shared: SharedGrade, beta: float) -> Rule:
    """The rule: `top_k_divergence` on the shared tokens where `shared` has them, `span_binary` elsewhere."""
    whole = span_binary(grade, beta)

    def rule(logits_CV: Tensor, rows: slice) -> RuleOutputs:
        index_C = shared.index_N[rows]
        kept = index_C >= 0
        if not kept.all():
            out = whole(logits_CV, rows)
        if kept.any():
            index, kept_grade = index_C[kept], shared.kept
            part = TopKGrade(kept_grade.tokens_NK[index], kept_grade.logp_NK[index], kept_grade.tail_N1[index])
            single = top_k_divergence(part, beta)(logits_CV[kept], slice(None))
            single.metrics["covered"] = torch.ones_like(single.loss_C)
            if kept.all():
                return single
            out.loss_C[kept], out.grad_CV[kept] = single.loss_C, single.grad_CV
            for name, value_C in single.metrics.items():
                out.metrics[name][kept] = value_C
        return out

    return rule


def _kept(hidden_MH: Tensor, head: Head, student_id_V: Tensor, k: int, temperature: float, chunk: int) -> TopKGrade:
    """As `top_k_grade`, of the shared tokens only, by the student's ids; all others are in the tail."""
    foreign_V = student_id_V < 0
    k = min(k, int((~foreign_V).sum()))
    parts = []
    for rows in hidden_MH.split(chunk):
        logp_CV = torch.log_softmax(head.logits(rows).div_(temperature), dim=-1)
        kept = logp_CV.masked_fill(foreign_V, -torch.inf).topk(k, dim=-1)
        tail_C1 = logp_CV.scatter_(1, kept.indices, -torch.inf).logsumexp(-1, keepdim=True)
        parts.append((student_id_V[kept.indices], kept.values, tail_C1.clamp_min(math.log(_FLOOR))))
    return TopKGrade(*(torch.cat(part) for part in zip(*parts, strict=True)))
