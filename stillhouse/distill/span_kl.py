"""How far is a student from a teacher of another tokenizer?

Their distributions cannot be compared token by token, but the probability that each gives to an answer can, and the
mean of log p(answer) - log q(answer) over answers drawn from p is the divergence KL(p || q) of whole answers. On
the student's own answers that is the reverse KL, on the teacher's the forward KL. One answer can come out below 0; the
mean over enough answers does not, but for what `docs/cross_tokenizer.md` says of spellings.

That holds for whole answers. Of one that was cut, p is the probability that the writer's tokens begin with these, and
q that the reader's begin with its own spelling of them. A model whose tokens look ahead gives less to that than to all
texts that begin so: it might have gone on with a token that reaches over the cut. So a cut answer makes the mean too
high by what the reader would have spelt otherwise, and too low by what the writer would have.

Tokens are no common unit either, so figures are per byte of answer (a special token counts as one).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.graders.sampled import sampled_grade
from stillhouse.distill.network import Network
from stillhouse.distill.reading import Reading
from stillhouse.distill.rollout import Rollout

__all__ = ["SpanSums", "compare_spans"]

_ROWS = 64  # projected to the vocabulary at once


@dataclass(frozen=True, slots=True)
class SpanSums:
    """Per answer: log p(writer) - log q(reader) summed over its spans (nats), their bytes, and the writer's tokens.

    `covered` of these `tokens` lie in a span. `ratio_of_sums(log_ratio, bytes)` over the answers that have any bytes is
    the estimate of the divergence with its interval.
    """

    log_ratio: list[float]
    bytes: list[int]
    tokens: list[int]
    covered: list[int]


@torch.no_grad()
def compare_spans(
    writer: Network, reader: Network, rollouts: Sequence[Rollout], reading: Reading, batch: int
) -> SpanSums:
    """Compare both models' probabilities of every answer, at temperature 1, `batch` answers at a time.

    `reading` is how `reader` reads the `rollouts`, which `writer` drew at temperature 1 from its whole distribution.
    The mean estimates a divergence without bias if all are whole. Cut ones (`finish_reason` other than `stop`) bias it,
    up or down, so say how many there are.
    """
    count = len(rollouts)
    sums = SpanSums([0.0] * count, [0] * count, [0] * count, [0] * count)
    for micro in micro_batches(rollouts, batch):
        read, spans = reading.of(micro.row_N)
        ratio_S = torch.zeros(len(spans.answer_S), dtype=torch.float64)
        for network, part, span_N, sign in ((writer, micro, spans.writer_N, 1), (reader, read, spans.reader_M, -1)):
            inside = span_N >= 0
            ratio_S.index_add_(0, span_N[inside], sign * _logp(network, part)[inside])
        for i, value, size in zip(spans.answer_S.tolist(), ratio_S.tolist(), spans.bytes_S.tolist(), strict=True):
            sums.log_ratio[i] += value
            sums.bytes[i] += size
        for i, span in zip(micro.row_N.tolist(), spans.writer_N.tolist(), strict=True):
            sums.tokens[i] += 1
            sums.covered[i] += span >= 0
    return sums


def _logp(network: Network, cpu_batch: MicroBatch) -> Tensor:
    """The log-probability of each completion token, float64 on the CPU."""
    batch = cpu_batch.to(network.device)
    return sampled_grade(network.hidden(batch), network.head, batch.token_N, 1.0, _ROWS).logp_N.double().cpu()
