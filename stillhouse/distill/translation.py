"""How a teacher with another tokenizer and the student read each other's answers.

Each reads a conversation in its own chat template, so every prompt exists in both; an answer goes from one to the other
as text. Made once for a run, from both tokenizers and its prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from stillhouse.distill.alignment import Aligner
from stillhouse.distill.encode import EncodedPrompt
from stillhouse.distill.preflight import closing_token, own_vocabulary
from stillhouse.distill.reading import Reading, read_by
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.token_bytes import shared_tokens, token_bytes

__all__ = ["Side", "Translation", "student_ids", "translation"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its tokenizer, the tokens that end its turns, and its tokens of each prompt, by id."""

    name: str
    tokenizer: PreTrainedTokenizerBase
    ends: frozenset[int]
    prompts: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translation:
    """`student_id_V` is the student's id of each of the teacher's tokens, -1 where it has none."""

    student: Side
    teacher: Side
    student_id_V: Tensor
    to_teacher: Aligner
    to_student: Aligner

    def read_by_teacher(self, answers: Sequence[Rollout]) -> Reading:
        """The student's answers as the teacher reads them."""
        return read_by(self.to_teacher, answers, self.teacher.prompts)

    def read_by_student(self, answers: Sequence[Rollout]) -> Reading:
        """The teacher's answers as the student reads them."""
        return read_by(self.to_student, answers, self.student.prompts)

    def prompts_of_teacher(self, prompts: Sequence[EncodedPrompt]) -> list[tuple[str, Sequence[int]]]:
        """Id and tokens of `prompts` as the teacher reads them."""
        return [(prompt.prompt.id, self.teacher.prompts[prompt.prompt.id]) for prompt in prompts]


def translation(student: Side, teacher: Side) -> Translation:
    """Between two models. ModelError for a tokenizer that cannot be compared with another's."""
    mine, theirs = token_bytes(student.tokenizer, student.name), token_bytes(teacher.tokenizer, teacher.name)
    my_end = closing_token(student.tokenizer, student.ends)
    their_end = closing_token(teacher.tokenizer, teacher.ends)
    # Whatever the tokens that end a turn are called, the one stands for the other.
    known = {**shared_tokens(theirs, mine), their_end: my_end}
    return Translation(
        student,
        teacher,
        student_ids(known, own_vocabulary(teacher.tokenizer)),
        Aligner(mine, theirs, student.ends, their_end),
        Aligner(theirs, mine, teacher.ends, my_end),
    )


def student_ids(shared: dict[int, int], vocabulary: int) -> Tensor:
    """[vocabulary] int64: the student's id of each of the teacher's tokens, -1 where it has none (`shared_tokens`)."""
    found = torch.full((vocabulary,), -1)
    found[torch.tensor(list(shared))] = torch.tensor(list(shared.values()))
    return found
