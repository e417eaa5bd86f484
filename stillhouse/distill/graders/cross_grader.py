"""The grader of a teacher of another tokenizer: one rule out of two micro-batches, the student's and the teacher's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.grader_settings import CrossTokenizerSettings
from stillhouse.distill.graders.base import GradingInputs
from stillhouse.distill.graders.cross_tokenizer import span_binary, span_grade, span_reverse_kl
from stillhouse.distill.graders.sampled import sampled_grade
from stillhouse.distill.graders.shared_spans import shared_grade, span_shared
from stillhouse.distill.loss import Head, Rule
from stillhouse.distill.network import Network
from stillhouse.distill.reading import PackedSpans
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.translation import Translation

__all__ = ["CrossReading", "CrossTokenizerGrader", "cross_rule"]


@dataclass(frozen=True, slots=True)
class CrossReading:
    """The same answers in the M tokens of their teacher: its last hidden states there, its head, and the spans."""

    spans: PackedSpans
    token_M: Tensor
    hidden_MH: Tensor
    head: Head


@torch.no_grad()
def cross_rule(
    how: CrossTokenizerSettings,
    student_id_V: Tensor,
    reading: CrossReading,
    token_N: Tensor,
    hidden_NH: Tensor,
    head: Head,
    temperature: float,
    chunk: int,
) -> Rule:
    """The rule for the student's N tokens. `hidden_NH` and `head` are the student's, read without gradient.

    `student_id_V` is the student's id of each of the teacher's tokens, -1 where it has none (`student_ids`).
    """
    spans, theirs, other = reading.spans, reading.hidden_MH, reading.head
    logq_M = sampled_grade(theirs, other, reading.token_M, temperature, chunk).logp_N
    window = how.window if how.compare == "sampled" else 0
    grade = span_grade(spans, logq_M, token_N, hidden_NH, head, temperature=temperature, chunk=chunk, window=window)
    if how.compare == "sampled":
        return span_reverse_kl(grade)
    if how.compare == "binary":
        return span_binary(grade, how.beta)
    shared = shared_grade(spans, theirs, other, student_id_V, k=how.k, temperature=temperature, chunk=chunk)
    return span_shared(grade, shared, how.beta)


@dataclass(frozen=True, slots=True)
class CrossTokenizerGrader:
    """Compares by the spans of text that both tokenizers cut out of an answer, as `settings` say."""

    settings: CrossTokenizerSettings
    translation: Translation
    needs_teacher: ClassVar[bool] = True

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> CrossReading:
        """The teacher reads the answers in its own template and tokens."""
        assert teacher is not None
        owners, lengths = torch.unique_consecutive(batch.row_N.cpu(), return_counts=True)
        read = self.translation.read_by_teacher([rollouts[i] for i in owners.tolist()])
        theirs, spans = read.of(torch.arange(len(owners)).repeat_interleave(lengths))
        theirs = theirs.to(teacher.device)
        return CrossReading(spans.to(teacher.device), theirs.token_N, teacher.hidden(theirs), teacher.head)

    def rule(self, inputs: GradingInputs) -> Rule:
        """See `cross_rule`."""
        return cross_rule(
            self.settings,
            self.translation.student_id_V.to(inputs.token_N.device),
            inputs.reading,
            inputs.token_N,
            inputs.student_hidden_NH,
            inputs.student_head,
            inputs.temperature,
            inputs.chunk,
        )
