"""Bytes of vocabularies: of both spellings, of special tokens, and what two vocabularies share."""

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.token_bytes import shared_tokens, token_bytes
from stillhouse.errors import ModelError
from tests.distill.other_tokenizers import metaspace_tokenizer, other_tokenizer

TEXTS = ("the answer is low", "Füße, naïve — 東京 🙂", " two  spaces\n\tand a tab", "<|im_end|> in plain letters", "")


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_of_a_text_spell_its_bytes(tiny_tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    for tokenizer in (tiny_tokenizer, other_tokenizer(), metaspace_tokenizer()):
        table = token_bytes(tokenizer, "here")
        tokens = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        assert table.text(tokens) == text.encode()
        assert sum(table.lengths(tokens)) == len(text.encode())


def test_byte_level_entries_by_hand(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    table = token_bytes(tiny_tokenizer, "tiny")
    ids = tiny_tokenizer.get_vocab()
    assert (
        table.spelling[ids["Ġ"]] == b" " and table.spelling[ids["Ċ"]] == b"\n" and table.spelling[ids["Ń"]] == b"\xad"
    )
    assert table.special == {"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2}
    assert [table.spelling[i] for i in range(3)] == [None] * 3
    assert sorted(table.single) == list(range(256)) and table.single[ord("a")] == ids["a"]
    assert not table.opens_with_space


def test_metaspace_entries_by_hand() -> None:
    table = token_bytes(metaspace_tokenizer(), "meta")
    ids = metaspace_tokenizer().get_vocab()
    assert table.spelling[ids["▁the"]] == b" the" and table.spelling[ids["<0xE2>"]] == b"\xe2"
    # The dummy space is no part of the text, a second one is.
    assert table.opens_with_space
    assert table.text([ids["▁the"], ids["▁low"]]) == b"the low" and table.lengths([ids["▁the"], ids["▁low"]]) == [3, 4]
    assert table.text([ids["low"]]) == b"low" and table.lengths([]) == []


def test_a_special_and_an_ordinary_added_token_differ(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer = other_tokenizer()
    tokenizer.add_tokens(["<tool>"])
    table = token_bytes(tokenizer, "other")
    assert table.spelling[tokenizer.get_vocab()["<tool>"]] == b"<tool>"
    assert "<tool>" not in table.special


def test_shared_tokens_spell_the_same(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    teacher, student = token_bytes(other_tokenizer(), "t"), token_bytes(tiny_tokenizer, "s")
    shared = shared_tokens(teacher, student)
    assert shared[3] == 1, "<|im_start|> by its name"
    assert len(shared) == len(set(shared.values())) and set(range(3)).isdisjoint(shared)
    ordinary = {i: j for i, j in shared.items() if i != 3}
    assert all(teacher.spelling[i] == student.spelling[j] for i, j in ordinary.items())
    assert 256 < len(ordinary) < len(student.spelling) - 3
    unshared = {teacher.spelling[i] for i in range(4, len(teacher.spelling)) if i not in ordinary}
    assert unshared.isdisjoint(student.spelling)


def test_equal_tokenizers_share_everything(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    table = token_bytes(tiny_tokenizer, "s")
    assert shared_tokens(table, table) == {i: i for i in range(len(tiny_tokenizer))}


def test_a_tokenizer_that_forgets_spaces_is_one_line() -> None:
    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    backend.decoder = decoders.WordPiece()
    with pytest.raises(
        ModelError, match=r"^'words': its tokenizer is neither byte-level .* judge of the text instead$"
    ):
        token_bytes(PreTrainedTokenizerFast(tokenizer_object=backend), "words")
