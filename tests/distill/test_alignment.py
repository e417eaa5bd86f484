"""Alignment of one answer under two tokenizers: by hand, as a property of random answers, and where nothing fits."""

import random
from itertools import groupby

import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.alignment import Aligner, Alignment
from stillhouse.distill.token_bytes import TokenBytes, token_bytes
from tests.distill.other_tokenizers import metaspace_tokenizer, other_tokenizer

START, END, OTHER_END = 1, 2, 2


@pytest.fixture(scope="module")
def student(tiny_tokenizer: PreTrainedTokenizerFast) -> TokenBytes:
    return token_bytes(tiny_tokenizer, "student")


@pytest.fixture(scope="module", params=["bytes", "composed", "metaspace"])
def teacher(request: pytest.FixtureRequest) -> TokenBytes:
    made = {
        "bytes": other_tokenizer,
        "composed": lambda: other_tokenizer(composed=True),
        "metaspace": metaspace_tokenizer,
    }
    return token_bytes(made[request.param](), request.param)


def aligner(writer: TokenBytes, reader: TokenBytes) -> Aligner:
    return Aligner(writer, reader, frozenset([END]), OTHER_END)


def spelt(table: TokenBytes, tokens: list[int], ends: int) -> list[tuple[int, bytes]]:
    """(token, bytes) with a dummy space taken off each run; a special token is its role."""
    found: list[tuple[int, bytes]] = []
    for special, run in groupby(tokens, lambda token: table.spelling[token] is None):
        row = list(run)
        if special:
            found += [(token, b"END" if token == ends else b"START") for token in row]
            continue
        text, at = table.text(row), 0
        for token, length in zip(row, table.lengths(row), strict=True):
            found.append((token, text[at : at + length]))
            at += length
    return found


def check(found: Alignment, answer: list[int], writer: TokenBytes, reader: TokenBytes) -> None:
    """Every span holds neighbours on both sides, the same bytes, and cannot be cut further."""
    assert len(found.writer_span) == len(answer) and len(found.reader_span) == len(found.tokens)
    mine, theirs = spelt(writer, answer, END), spelt(reader, found.tokens, OTHER_END)
    for spans in (found.writer_span, found.reader_span):
        inside = [span for span in spans if span >= 0]
        assert inside == sorted(inside) and set(inside) == set(range(len(found.span_bytes)))
        assert len(list(groupby(spans))) == len(set(inside)) + sum(1 for k, _ in groupby(spans) if k < 0)
    for span, size in enumerate(found.span_bytes):
        a = [text for at, (_, text) in zip(found.writer_span, mine, strict=True) if at == span]
        b = [text for at, (_, text) in zip(found.reader_span, theirs, strict=True) if at == span]
        assert b"".join(a) == b"".join(b)
        assert size == (1 if a[0] in (b"END", b"START") else len(b"".join(a)))
        ends = [{len(b"".join(part[:i])) for i in range(1, len(part))} - {0} for part in (a, b)]
        assert ends[0].isdisjoint(ends[1]), "a common cut inside a span"


def test_by_hand(student: TokenBytes) -> None:
    """'the lamp' and the end of the turn against a reader with other merges; then the writer's letters one by one."""
    reader = token_bytes(other_tokenizer(), "reader")
    both = aligner(student, reader)
    tokens = student.tokenizer("the lamp", add_special_tokens=False)["input_ids"]
    assert [student.spelling[t] for t in tokens] == [b"th", b"e", b" ", b"l", b"a", b"m", b"p"]
    (found,) = both.align([[*tokens, END]])
    assert [reader.spelling[t] for t in found.tokens] == [b"the", b" lamp", None]
    assert found.writer_span == [0, 0, 1, 1, 1, 1, 1, 2] and found.reader_span == [0, 1, 2]
    assert found.span_bytes == [3, 5, 1] and found.tokens[-1] == OTHER_END and found.share == 1.0
    (found,) = both.align([[student.single[byte] for byte in b"the"]])
    assert found.writer_span == [0, 0, 0] and found.reader_span == [0] and found.share == 1.0


def test_spans_partition_both_sides_of_random_answers(student: TokenBytes, teacher: TokenBytes) -> None:
    """Words, umlauts, emoji and any tokens at all, cut characters among them, with an end or without."""
    rng = random.Random(0)
    words = ["the", " the", " low", "Füße", " 東京", "🙂", "\n", "  ", "user", "asks", "<|im_end|>", "</turn>", "é"]
    answers = []
    for _ in range(150):
        text = "".join(rng.choices(words, k=rng.randrange(12)))
        row = student.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        kind = rng.randrange(3)
        if kind == 1 and not teacher.opens_with_space:
            row = row[: rng.randrange(len(row) + 1)]
        elif kind == 2 and not teacher.opens_with_space:  # which puts a space after bytes that are no character
            row = [rng.randrange(3, 300) for _ in range(rng.randrange(30))]
        answers.append([*row, *([END] if rng.random() < 0.5 else [])])
    for answer, found in zip(answers, aligner(student, teacher).align(answers), strict=True):
        if not answer:
            assert found.tokens == [OTHER_END] and found.reader_span == [-1] and found.share == 1.0
            continue
        check(found, answer, student, teacher)
        assert found.share == 1.0
        if answer:
            assert min(found.reader_span) >= 0, "nothing that the reader reads is left over"


def test_equal_tokenizers_align_token_by_token(student: TokenBytes) -> None:
    answer = [*student.tokenizer("the user asks the question 🙂", add_special_tokens=False)["input_ids"], END]
    (found,) = Aligner(student, student, frozenset([END]), END).align([answer])
    assert found.tokens == answer
    assert found.writer_span == found.reader_span == list(range(len(answer)))


def test_stray_bytes_are_read_as_bytes(student: TokenBytes, teacher: TokenBytes) -> None:
    """Half an emoji and a lone continuation byte are no characters, but both vocabularies have the bytes."""
    text = "🙂".encode()[:2] + b"the\x80" + "é".encode()
    answer = [student.single[byte] for byte in text]
    (found,) = aligner(student, teacher).align([answer])
    assert found.share == 1.0
    if not teacher.opens_with_space:
        assert teacher.text(found.tokens) == text


def test_text_that_the_reader_changes_is_aligned_around_it(student: TokenBytes) -> None:
    """'e' and a combining accent become one character of two bytes where three were; both ends still fit."""
    reader = token_bytes(other_tokenizer(composed=True), "composed")
    row = student.tokenizer("the e\u0301 asks", add_special_tokens=False)["input_ids"]
    (found,) = aligner(student, reader).align([[*row, END]])
    check(found, [*row, END], student, reader)
    outside = [i for i, span in enumerate(found.writer_span) if span < 0]
    assert b"".join(student.spelling[row[i]] or b"" for i in outside) == "e\u0301".encode()
    assert 0.5 < found.share < 1.0
    assert found.writer_span[-1] == found.reader_span[-1] == len(found.span_bytes) - 1


def test_special_tokens_by_role_and_by_name(student: TokenBytes) -> None:
    """The reader knows <|im_start|> by name, but no <|endoftext|>: that one belongs to no span and is not read."""
    reader = token_bytes(other_tokenizer(), "reader")
    user = student.tokenizer("user", add_special_tokens=False)["input_ids"]
    (found,) = aligner(student, reader).align([[*user, START, 0, *user, END]])
    assert found.writer_span == [0, 1, -1, 2, 3]
    assert [reader.spelling[t] for t in found.tokens] == [b"user", None, b"user", None]
    assert found.tokens[1] == reader.special["<|im_start|>"] and found.tokens[3] == OTHER_END
    assert found.share == pytest.approx(4 / 5)


def test_an_answer_of_which_nothing_can_be_read(student: TokenBytes) -> None:
    reader = token_bytes(other_tokenizer(), "reader")
    (found,) = aligner(student, reader).align([[0]])
    assert found == Alignment([OTHER_END], [-1], [-1], []) and found.share == 0.0


def test_a_metaspace_student(student: TokenBytes) -> None:
    """The other way round: its first token carries a space that is no text, so ' the' and 'the' agree."""
    writer = token_bytes(metaspace_tokenizer(), "writer")
    ids = writer.tokenizer.get_vocab()
    (found,) = Aligner(writer, student, frozenset([END]), END).align([[ids["▁the"], ids["▁low"], END]])
    assert student.text(found.tokens[:-1]) == b"the low"
    assert found.writer_span == [0, 1, 2] and found.share == 1.0
    (found,) = Aligner(writer, student, frozenset([END]), END).align([[ids["▁"], ids["the"[0]], END]])
    assert found.writer_span == [0, 0, 1] and found.share == 1.0
