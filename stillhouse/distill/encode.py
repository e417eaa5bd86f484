"""Prompts to tokens, by the student's own chat template.

The student answers in the template that it will be used with, and the teacher grades the same tokens: that is
what "same tokenizer" buys. A prompt too long is an error with its place, not something to cut silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from stillhouse.distill.prompts import Prompt
from stillhouse.errors import ModelError, RecordError

__all__ = ["EncodedPrompt", "encode_prompts", "encode_reference", "given_answer", "render"]


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt and the tokens that the models read."""

    prompt: Prompt
    tokens: tuple[int, ...]


def render(tokenizer: PreTrainedTokenizerBase, prompt: Prompt, system: str | None = None) -> str:
    """The prompt as text, ending where the assistant's answer begins. `system` goes before prompts without one."""
    messages = [m.as_dict() for m in prompt.messages]
    if system is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    if tokenizer.chat_template is None:
        raise ModelError(
            f"tokenizer '{tokenizer.name_or_path}' has no chat template; use an instruction-tuned model's tokenizer"
        )
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], *, longest: int, system: str | None = None
) -> list[EncodedPrompt]:
    """RecordError for the first prompt of more than `longest` tokens."""
    texts = [render(tokenizer, p, system) for p in prompts]
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    for prompt, tokens in zip(prompts, rows, strict=True):
        if not tokens:
            raise RecordError(f"prompt {prompt.id}: the chat template renders it to nothing; use another template")
        if len(tokens) > longest:
            start = prompt.messages[-1].content[:50]
            raise RecordError(
                f"prompt {prompt.id} ('{start}...') is {len(tokens)} tokens, more than {longest}; "
                "shorten it, drop it, or raise max_prompt_tokens within the models' context"
            )
    return [EncodedPrompt(p, tuple(tokens)) for p, tokens in zip(prompts, rows, strict=True)]


def text_of(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int], *, special: bool = False) -> str:
    """Tokens as text, with special tokens left out unless `special`."""
    return str(tokenizer.decode(list(tokens), skip_special_tokens=not special))


def encode_reference(tokenizer: PreTrainedTokenizerBase, prompt: Prompt, eos: int, longest: int) -> tuple[int, ...]:
    """The given answer's tokens with the closing EOS, cut to `longest` (a cut answer has no EOS)."""
    tokens = tokenizer(given_answer(prompt), add_special_tokens=False)["input_ids"]
    return tuple([*tokens, eos][:longest])


def given_answer(prompt: Prompt) -> str:
    """The answer that comes with a prompt. RecordError if none does."""
    if prompt.reference is None:
        raise RecordError(
            f"prompt {prompt.id} ('{prompt.messages[-1].content[:50]}...') has no given answer; "
            "use prompts with an assistant turn, `given: teacher`, or lmbda: 1"
        )
    return prompt.reference
