"""The grader of a teacher of another tokenizer: one rule out of two micro-batches, the student's and the teacher's."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from stillhouse.distill.graders.cross_tokenizer import span_binary, span_grade, span_reverse_kl
from stillhouse.distill.graders.sampled import sampled_grade
from stillhouse.distill.graders.shared_spans import shared_grade, span_shared
from stillhouse.distill.loss import Head, Rule
from stillhouse.distill.reading import PackedSpans
from stillhouse.distill.span_settings import CrossTokenizerSettings

__all__ = ["CrossTokenizerGrader"]


@dataclass(frozen=True, slots=True)
class CrossTokenizerGrader:
    """`student_id_V` is the student's id of each of the teacher's tokens, -1 where it has none (`student_ids`)."""

    settings: CrossTokenizerSettings
    student_id_V: Tensor
    needs_teacher: ClassVar[bool] = True

    @torch.no_grad()
    def rule(
        self,
        spans: PackedSpans,
        token_N: Tensor,
        hidden_NH: Tensor,
        head: Head,
        teacher_token_M: Tensor,
        teacher_hidden_MH: Tensor,
        teacher_head: Head,
        temperature: float,
        chunk: int,
    ) -> Rule:
        """The rule for the student's N tokens. `hidden_NH` and `head` are the student's, read without gradient.

        The M rows are those of `Reading.of`: the same answers in the teacher's tokens.
        """
        how = self.settings
        logq_M = sampled_grade(teacher_hidden_MH, teacher_head, teacher_token_M, temperature, chunk).logp_N
        window = how.window if how.compare == "sampled" else 0
        grade = span_grade(spans, logq_M, token_N, hidden_NH, head, temperature=temperature, chunk=chunk, window=window)
        if how.compare == "sampled":
            return span_reverse_kl(grade)
        if how.compare == "binary":
            return span_binary(grade, how.beta)
        shared = shared_grade(
            spans, teacher_hidden_MH, teacher_head, self.student_id_V, k=how.k, temperature=temperature, chunk=chunk
        )
        return span_shared(grade, shared, how.beta)
