"""The same answers as another model reads them: its own chat template, its own tokens, and what matches what.

A model of another family knows conversations in its own template only, so prompt and answer are both rendered
again for it. What comes out are ordinary `Rollout`s, which pack and run like any others, and the spans by which
its probabilities are compared with the writer's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stillhouse.distill.alignment import Aligner, Alignment
from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.rollout import Rollout

__all__ = ["PackedSpans", "Reading", "pack_spans", "read_by"]


@dataclass(frozen=True, slots=True)
class PackedSpans:
    """The S spans of a micro-batch, counted through all of its answers.

    `writer_N` is the span of each of the writer's N completion tokens, `reader_M` that of the reader's M; -1 in none.
    `answer_S` (index into the answers) never falls: the spans of an answer are neighbours, in the order of the text.
    `bytes_S` are the bytes of each.
    """

    writer_N: Tensor
    reader_M: Tensor
    answer_S: Tensor
    bytes_S: Tensor

    def to(self, device: torch.device) -> "PackedSpans":
        return PackedSpans(*(part.to(device) for part in (self.writer_N, self.reader_M, self.answer_S, self.bytes_S)))


@dataclass(frozen=True, slots=True)
class Reading:
    """`rollouts[i]` is what the reader reads of the writer's answer i, and `alignments[i]` how the two fit."""

    rollouts: list[Rollout]
    alignments: list[Alignment]

    def of(self, row_N: Tensor) -> tuple[MicroBatch, PackedSpans]:
        """What the reader reads of a micro-batch of the writer's, and the spans of both.

        `row_N` is that of the writer's micro-batch, on the CPU: its answers, each token by token.
        """
        answers = torch.unique_consecutive(row_N).tolist()
        (batch,) = micro_batches([self.rollouts[i] for i in answers], len(answers))
        batch = replace(batch, row_N=torch.tensor(answers)[batch.row_N])
        return batch, pack_spans(self.alignments, row_N, batch.row_N)


def read_by(aligner: Aligner, rollouts: Sequence[Rollout], prompts: Mapping[str, Sequence[int]]) -> Reading:
    """`rollouts` as the reader of `aligner` reads them; `prompts` are its own tokens of each prompt, by id."""
    alignments = aligner.align([rollout.tokens for rollout in rollouts])
    read = [
        replace(rollout, prompt_tokens=tuple(prompts[rollout.prompt_id]), tokens=tuple(found.tokens), logprobs=())
        for rollout, found in zip(rollouts, alignments, strict=True)
    ]
    return Reading(read, alignments)


def pack_spans(alignments: Sequence[Alignment], row_N: Tensor, row_M: Tensor) -> PackedSpans:
    """The spans of the answers that `row_N` (writer) and `row_M` (reader) name, each token by token."""
    answers = torch.unique_consecutive(row_N).tolist()
    first, owner, sizes = dict[int, int](), list[int](), list[int]()
    for i in answers:
        first[i] = len(owner)
        owner += [i] * len(alignments[i].span_bytes)
        sizes += alignments[i].span_bytes
    writer = [s if s < 0 else s + first[i] for i in answers for s in alignments[i].writer_span]
    order = torch.unique_consecutive(row_M).tolist()
    reader = [s if s < 0 else s + first[i] for i in order for s in alignments[i].reader_span]
    return PackedSpans(*(torch.tensor(part, dtype=torch.long) for part in (writer, reader, owner, sizes)))
