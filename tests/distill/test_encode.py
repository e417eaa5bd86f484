"""Prompts become the tokens of the student's own template, and what does not fit is refused."""

import copy
import dataclasses

import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.encode import encode_prompts, encode_reference, render
from stillhouse.distill.prompts import Prompt
from stillhouse.errors import ModelError, RecordError
from stillhouse.types import Message

USER = Prompt.of([Message("user", "Where is it?")], reference="the answer")
WITH_SYSTEM = Prompt.of([Message("system", "Be brief."), Message("user", "Where?")])


def test_text_ends_where_the_answer_begins(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    text = "<|im_start|>user\nWhere is it?<|im_end|>\n<|im_start|>assistant\n"
    assert render(tiny_tokenizer, USER) == text
    assert render(tiny_tokenizer, USER, "Help.") == "<|im_start|>system\nHelp.<|im_end|>\n" + text
    assert render(tiny_tokenizer, WITH_SYSTEM, "Help.").startswith(
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>u"
    )


def test_tokens_are_those_of_the_text(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    first, second = encode_prompts(tiny_tokenizer, [USER, WITH_SYSTEM], longest=200)
    assert (first.prompt, second.prompt) == (USER, WITH_SYSTEM)
    assert first.tokens[0] == 1 and first.tokens.count(1) == 2 and first.tokens.count(2) == 1
    assert tiny_tokenizer.decode(list(first.tokens)) == render(tiny_tokenizer, USER)
    assert encode_prompts(tiny_tokenizer, [], longest=1) == []


def test_too_long_is_an_error_with_its_words(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    length = len(encode_prompts(tiny_tokenizer, [USER], longest=200)[0].tokens)
    encode_prompts(tiny_tokenizer, [USER], longest=length)
    with pytest.raises(RecordError, match=rf"prompt {USER.id} \('Where is it\?...'\) is {length} tokens, more than"):
        encode_prompts(tiny_tokenizer, [USER], longest=length - 1)


def test_template_is_needed(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = None
    with pytest.raises(ModelError, match="has no chat template; use an instruction-tuned model's tokenizer"):
        render(other, USER)


def test_malformed_template_is_the_models_fault(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{# #}\n{{ messages[ }}"
    with pytest.raises(
        ModelError, match=r"has a malformed chat template \(line 2: unexpected '}', expected ']'\); mend"
    ):
        render(other, USER)


def test_given_answer_is_closed_unless_cut(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    whole = encode_reference(tiny_tokenizer, USER, 2, 50)
    assert whole[-1] == 2 and tiny_tokenizer.decode(list(whole[:-1])) == "the answer"
    assert encode_reference(tiny_tokenizer, USER, 2, len(whole) - 1) == whole[:-1]
    with pytest.raises(RecordError, match="has no given answer; use prompts with an assistant turn, `given: teacher`"):
        encode_reference(tiny_tokenizer, WITH_SYSTEM, 2, 50)


def test_refusal_of_the_template_is_one_line_with_its_place(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{{ raise_exception('Roles must\\nalternate') }}"
    prompt = dataclasses.replace(Prompt.of([Message("user", "One.\nTwo.")]), place="p.jsonl:3")
    with pytest.raises(RecordError) as caught:
        render(other, prompt)
    assert str(caught.value) == (
        rf"p.jsonl:3: prompt {prompt.id} ('One.\nTwo....'): the chat template refuses it (Roles must alternate); "
        "change or drop it"
    )


def test_too_long_for_the_tokenizer_is_no_warning(
    tiny_tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, warned = copy.deepcopy(tiny_tokenizer), []
    monkeypatch.setattr("transformers.tokenization_utils_base.logger.warning", lambda *a: warned.append(a))
    with pytest.raises(RecordError, match="tokens, more than 5"):
        encode_prompts(other, [Prompt.of([Message("user", "word " * 2000)])], longest=5)
    assert warned == []
