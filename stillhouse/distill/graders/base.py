"""What every way of grading by probability offers the training step."""

from typing import ClassVar, Protocol

from torch import Tensor

from stillhouse.distill.loss import Head, Rule

__all__ = ["TokenGrader"]


class TokenGrader(Protocol):
    """Turns what a teacher thinks at N completion positions into a rule for the student's logits there."""

    needs_teacher: ClassVar[bool]

    def rule(
        self,
        teacher_hidden_NH: Tensor | None,
        teacher_head: Head | None,
        token_N: Tensor,
        temperature: float,
        chunk: int,
    ) -> Rule:
        """`teacher_hidden_NH` are its last hidden states (None if not needed); `token_N` the answer's tokens.

        What the rule needs of the teacher's vocabulary rows is made `chunk` tokens at a time.
        """
        ...
