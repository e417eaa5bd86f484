"""Prompts that the teacher writes itself, from nothing but its chat template.

An aligned model that is shown its template up to where a user's words would begin goes on by writing
such words: "Magpie" (Xu et al. 2024, arXiv 2406.08464, section 2). So a user without any prompts can
distil a teacher on what that teacher expects to be asked. What is written needs sorting, which is here.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stillhouse.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["clean_queries", "magpie_prefix"]

_SENTINEL = "stillhouse-user-words"
_FEWEST_WORDS, _MOST_WORDS = 3, 120
# <|im_end|>, <s>, </s>, <end_of_turn>, [INST], <<SYS>> and their like: the teacher went on past the user's turn.
_SPECIAL = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|</?s>|</?(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>|\[/?INST\]|<</?SYS>>", re.IGNORECASE
)


def magpie_prefix(tokenizer: "PreTrainedTokenizerBase") -> str:
    """The chat template's text up to where the user's words would begin, its default system turn included.

    It already has the template's opening tokens: encode it with `add_special_tokens=False`.
    Raises ModelError for a tokenizer without a chat template, or with one that drops or alters the words.
    """
    name = tokenizer.name_or_path or type(tokenizer).__name__
    if not tokenizer.chat_template:
        raise ModelError(f"tokenizer {name} has no chat template, which magpie prompts begin with; use a chat model")
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": _SENTINEL}], tokenize=False)
    prefix, found, _ = str(rendered).partition(_SENTINEL)
    if not found:
        raise ModelError(f"the chat template of {name} does not show a user's words as given; use other prompts")
    return prefix


def clean_queries(texts: Sequence[str]) -> list[str]:
    """What can be used of a teacher's queries, stripped, in order.

    Dropped: fewer than 3 or more than 120 words, any special token or undecodable character inside, and
    what was written before (without regard to case and white space). Pass only queries that the teacher
    ended itself, without their end-of-turn token: one cut off by the length cap is half a question.
    """
    kept: dict[str, str] = {}
    for text in texts:
        words = text.split()
        if (
            _FEWEST_WORDS <= len(words) <= _MOST_WORDS
            and not _SPECIAL.search(text)
            and "\N{REPLACEMENT CHARACTER}" not in text
        ):
            kept.setdefault(" ".join(words).casefold(), text.strip())
    return list(kept.values())
