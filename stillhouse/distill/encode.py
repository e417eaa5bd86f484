"""Prompts to tokens, by the student's own chat template.

The student answers in the template that it will be used with, and the teacher grades the same tokens: that is
what "same tokenizer" buys. A prompt too long is an error with its place, not something to cut silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError
from transformers import PreTrainedTokenizerBase

from stillhouse.distill.prompts import Prompt
from stillhouse.errors import ModelError, RecordError

__all__ = ["EncodedPrompt", "chat_text", "encode_prompts", "encode_reference", "given_answer", "render"]


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt and the tokens that the models read."""

    prompt: Prompt
    tokens: tuple[int, ...]


def chat_text(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, Any]], *, answer_next: bool) -> str:
    """A conversation by the chat template; `answer_next` opens the assistant's turn.

    ModelError without a template or with one that is none, TemplateError if it refuses the conversation.
    """
    if tokenizer.chat_template is None:
        raise ModelError(
            f"tokenizer '{tokenizer.name_or_path}' has no chat template; use an instruction-tuned model's tokenizer"
        )
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer_next))
    except TemplateSyntaxError as error:
        raise ModelError(
            f"tokenizer '{tokenizer.name_or_path}' has a malformed chat template (line {error.lineno}: "
            f"{error.message}); mend it"
        ) from None


def render(tokenizer: PreTrainedTokenizerBase, prompt: Prompt, system: str | None = None) -> str:
    """The prompt as text, ending where the assistant's answer begins. `system` goes before prompts without one.

    RecordError if the template refuses the conversation, with its words.
    """
    messages = [m.as_dict() for m in prompt.messages]
    if system is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    try:
        return chat_text(tokenizer, messages, answer_next=True)
    except TemplateError as error:
        raise RecordError(
            f"{_named(prompt)}: the chat template refuses it ({' '.join(str(error).split())}); change or drop it"
        ) from None


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], *, longest: int, system: str | None = None
) -> list[EncodedPrompt]:
    """RecordError for the first prompt of more than `longest` tokens."""
    texts = [render(tokenizer, p, system) for p in prompts]
    # `verbose` would warn of a text beyond the tokenizer's own limit, which is refused below by its place.
    rows = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    for prompt, tokens in zip(prompts, rows, strict=True):
        if not tokens:
            raise RecordError(f"{_named(prompt)}: the chat template renders it to nothing; use another template")
        if len(tokens) > longest:
            raise RecordError(
                f"{_named(prompt)} is {len(tokens)} tokens, more than {longest}; "
                "shorten it, drop it, or raise max_prompt_tokens within the models' context"
            )
    return [EncodedPrompt(p, tuple(tokens)) for p, tokens in zip(prompts, rows, strict=True)]


def text_of(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int], *, special: bool = False) -> str:
    """Tokens as text, with special tokens left out unless `special`."""
    return str(tokenizer.decode(list(tokens), skip_special_tokens=not special))


def encode_reference(tokenizer: PreTrainedTokenizerBase, prompt: Prompt, eos: int, longest: int) -> tuple[int, ...]:
    """The given answer's tokens with the token `eos` that closes a turn, cut to `longest` (a cut answer has none)."""
    tokens = tokenizer(given_answer(prompt), add_special_tokens=False, verbose=False)["input_ids"]
    return tuple([*tokens, eos][:longest])


def given_answer(prompt: Prompt) -> str:
    """The answer that comes with a prompt. RecordError if none does."""
    if prompt.reference is None:
        raise RecordError(
            f"{_named(prompt)} has no given answer; use prompts with an assistant turn, `given: teacher`, or lmbda: 1"
        )
    return prompt.reference


def _named(prompt: Prompt) -> str:
    """A prompt for a message of one line: its place if it came from a file, its id, its first words."""
    place = "" if prompt.place is None else f"{prompt.place}: "
    return f"{place}prompt {prompt.id} ({prompt.messages[-1].content[:50] + '...'!r})"
