"""Answers as another model reads them: its prompt, its tokens, and spans that find their rows in both micro-batches."""

import torch
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.alignment import Aligner
from stillhouse.distill.batching import micro_batches
from stillhouse.distill.reading import Reading, pack_spans, read_by
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.token_bytes import token_bytes
from tests.distill.other_tokenizers import other_tokenizer

TEXTS = ("the user asks where the lamp is", "the river", "is the bird on the stone? the stone is in the river", "")


def read(tiny_tokenizer: PreTrainedTokenizerFast) -> tuple[list[Rollout], Reading]:
    """Four answers of different lengths, the last one empty, and how the other tokenizer reads them."""
    student, teacher = token_bytes(tiny_tokenizer, "student"), token_bytes(other_tokenizer(), "teacher")
    rollouts = [
        Rollout(
            f"p{i}", (1, 10 + i), tuple([*tiny_tokenizer(text, add_special_tokens=False)["input_ids"], 2]),
            (-1.0,), "stop", "student",
        )
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip
    prompts = {f"p{i}": [1, 20 + i, 30] for i in range(4)}
    return rollouts, read_by(Aligner(student, teacher, frozenset([2]), 2), rollouts, prompts)


def test_the_reader_gets_its_own_prompt_and_tokens(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    teacher = token_bytes(other_tokenizer(), "teacher")
    _, reading = read(tiny_tokenizer)
    for i, rollout in enumerate(reading.rollouts):
        assert rollout.prompt_id == f"p{i}" and rollout.prompt_tokens == (1, 20 + i, 30)
        assert teacher.text(rollout.tokens[:-1]) == TEXTS[i].encode() and rollout.tokens[-1] == 2
        assert rollout.finish_reason == "stop" and rollout.logprobs == ()


def test_spans_of_a_micro_batch_find_their_tokens(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    """The reader's answers are of another length and so in another order; each span spells the same on both sides."""
    student, teacher = token_bytes(tiny_tokenizer, "student"), token_bytes(other_tokenizer(), "teacher")
    rollouts, reading = read(tiny_tokenizer)
    seen = 0
    for micro in micro_batches(rollouts, 3):
        batch, spans = reading.of(micro.row_N)
        assert set(batch.row_N.tolist()) == set(micro.row_N.tolist())
        assert len(spans.writer_N) == len(micro.token_N) and len(spans.reader_M) == len(batch.token_N)
        for span, answer in enumerate(spans.answer_S.tolist()):
            mine, theirs = spans.writer_N == span, spans.reader_M == span
            assert micro.row_N[mine].unique().tolist() == batch.row_N[theirs].unique().tolist() == [answer]
            spelt = [student.text(micro.token_N[mine].tolist()), teacher.text(batch.token_N[theirs].tolist())]
            assert spelt[0] == spelt[1] and int(spans.bytes_S[span]) == max(1, len(spelt[0]))
        assert torch.equal(spans.answer_S, pack_spans(reading.alignments, micro.row_N, batch.row_N).answer_S)
        seen += len(spans.answer_S)
    assert seen == sum(len(alignment.span_bytes) for alignment in reading.alignments)
