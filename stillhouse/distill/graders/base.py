"""What every way of grading by probability offers the training step.

A grader works in two moves, because they cost differently and are timed apart: it lets the teacher read the answers,
and it turns what the teacher thinks there into a rule for the student's logits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.loss import Head, Rule
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout

__all__ = ["GradingInputs", "TeacherReading", "TokenGrader", "read_tokens"]


@dataclass(frozen=True, slots=True)
class TeacherReading:
    """The teacher's last hidden states at the N completion tokens, and its head."""

    hidden_NH: Tensor
    head: Head


@dataclass(frozen=True, slots=True)
class GradingInputs:
    """The N completion tokens of a micro-batch, as they are graded.

    `row_N` says which of `rollouts` each token belongs to. `reading` is what the grader's own `read` returned.
    `student_hidden_NH` and `student_head` are for looking only: the loss differentiates by itself. `coefficient_N` is
    how much the log-likelihood of a token counts in the loss, in units of the token's share of it (see
    `stillhouse.distill.objectives`); None where no judge grades.
    """

    rollouts: Sequence[Rollout]
    row_N: Tensor
    token_N: Tensor
    temperature: float
    chunk: int
    student_hidden_NH: Tensor
    student_head: Head
    reading: Any = None
    coefficient_N: Tensor | None = None


class TokenGrader(Protocol):
    """Turns what a teacher thinks at N completion positions into a rule for the student's logits there."""

    @property
    def needs_teacher(self) -> bool:
        """Whether `read` and `rule` look at a teacher's probabilities."""
        ...

    def read(self, teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> Any:
        """What the rule needs of the teacher; `batch` holds some of `rollouts`, on the device. Without gradients.

        `teacher` is None where it is only an endpoint: only a grader that needs none is used then.
        """
        ...

    def rule(self, inputs: GradingInputs) -> Rule:
        """The rule for these tokens. What it needs of the teacher's vocabulary rows is made `chunk` at a time."""
        ...


def read_tokens(teacher: Network | None, batch: MicroBatch, rollouts: Sequence[Rollout]) -> TeacherReading:
    """The reading of a teacher with the student's own tokenizer: the same tokens, at the same places."""
    assert teacher is not None
    return TeacherReading(teacher.hidden(batch), teacher.head)
