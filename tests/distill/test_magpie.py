"""The template's text before a user's words, and the sorting of what a teacher wrote there."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.magpie import clean_queries, magpie_prefix
from stillhouse.errors import ModelError

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou help.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA_LIKE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
)


def tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    model = Tokenizer(WordLevel({"<unk>": 0, "<bos>": 1}, unk_token="<unk>"))
    made = PreTrainedTokenizerFast(tokenizer_object=model, unk_token="<unk>", bos_token="<bos>")
    made.chat_template = template
    return made


def test_the_prefix_ends_where_the_user_begins_and_keeps_the_default_system_turn() -> None:
    expected = "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\n"
    assert magpie_prefix(tokenizer(CHATML)) == expected


def test_the_prefix_has_the_opening_token_of_the_template() -> None:
    assert magpie_prefix(tokenizer(GEMMA_LIKE)) == "<bos><start_of_turn>user\n"


def test_a_tokenizer_without_a_template_is_refused() -> None:
    with pytest.raises(ModelError, match="has no chat template, which magpie prompts begin with; use a chat model"):
        magpie_prefix(tokenizer(None))


def test_a_template_that_alters_the_words_is_refused() -> None:
    with pytest.raises(ModelError, match="does not show a user's words as given"):
        magpie_prefix(tokenizer("{% for m in messages %}{{ m['content'] | upper }}{% endfor %}"))


def test_clean_queries_keeps_what_can_be_asked() -> None:
    texts = [
        "  What is a comet?\n",
        "",
        "Hello",
        "Thank you",
        "what is  a COMET?",
        "Write a poem<|im_end|>\n<|im_start|>assistant",
        "Tell me more</s> please now",
        "[INST] Tell me more [/INST]",
        "Tell me more <end_of_turn> now",
        "What does \N{REPLACEMENT CHARACTER} mean here?",
        " ".join(["word"] * 121),
        " ".join(["word"] * 120),
        "Is a < b || c > d in Python?",
    ]
    assert clean_queries(texts) == ["What is a comet?", " ".join(["word"] * 120), "Is a < b || c > d in Python?"]
