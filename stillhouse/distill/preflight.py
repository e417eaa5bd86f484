"""What is checked before the first step, because it is what goes wrong most and shows last.

Two models can only be compared token by token if a token id means the same to both. Padded vocabularies
(embedding rows beyond the tokenizer) are fine and are cut off on both sides. A student that ends its turn
with another token than the teacher learns never to end it.
"""

import re
from collections.abc import Sequence

from jinja2 import TemplateError
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from stillhouse.distill.encode import chat_text
from stillhouse.distill.importance import decoder_layers
from stillhouse.errors import ConfigError, ModelError

__all__ = [
    "check_context",
    "check_finite",
    "check_layers",
    "check_same_ends",
    "check_same_tokenizer",
    "check_targets",
    "closing_token",
    "declared_ends",
    "end_tokens",
    "own_vocabulary",
    "tokenizer_difference",
]

_PROBES = (
    "The quick brown fox, aged 7, can't jump 12.5 metres.\n\n  def f(x):\n\treturn x**2",
    "Füße, naïve café — 東京 🙂 <|im_start|>",
)
# What converters append to fill a vocabulary up to the rows of the embedding; no text is ever cut into it.
_FILLER = re.compile(r"\[PAD\d*\]")
_ANSWER = "stillhouse-assistant-words"


def own_vocabulary(tokenizer: PreTrainedTokenizerBase) -> int:
    """The number of token ids that the tokenizer can produce: entries that only fill it up at its end do not count."""
    return max(_without_fillers(tokenizer.get_vocab()).values()) + 1


def check_same_tokenizer(
    teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase, teacher_name: str, student_name: str
) -> None:
    """ModelError that names a difference, unless a token id means the same to both."""
    difference = tokenizer_difference(teacher, student)
    if difference is not None:
        raise ModelError(
            f"teacher '{teacher_name}' and student '{student_name}' have different tokenizers ({difference}); graders "
            "divergence, top_k and sampled need the same one: use grader `cross_tokenizer`, or a student of the "
            "teacher's family"
        )


def tokenizer_difference(teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase) -> str | None:
    """A place where a token id does not mean the same to both, in words; None if there is none.

    All entries must be shared, but for those at the end that only fill the vocabulary up (`[PAD151936]`).
    """
    ours, theirs = _without_fillers(student.get_vocab()), _without_fillers(teacher.get_vocab())
    if ours != theirs:
        token = next(iter(sorted(set(ours.items()) ^ set(theirs.items()))))[0]
        return (
            f"{len(theirs)} and {len(ours)} entries; {token!r} is {theirs.get(token, 'absent')} "
            f"for the teacher and {ours.get(token, 'absent')} for the student"
        )
    for probe in _PROBES:
        if (
            student(probe, add_special_tokens=False)["input_ids"]
            != teacher(probe, add_special_tokens=False)["input_ids"]
        ):
            return f"same entries, but {probe[:20]!r}... is cut into other tokens"
    return None


def declared_ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The ids that end a turn as the generation config and the tokenizer say. ModelError if there is none."""
    declared = model.generation_config.eos_token_id if model.generation_config is not None else None
    ids = {declared} if isinstance(declared, int) else set(declared or ())
    if tokenizer.eos_token_id is not None:
        ids.add(int(tokenizer.eos_token_id))
    if not ids:
        raise ModelError(f"'{tokenizer.name_or_path}' names no EOS token; set eos_token in its tokenizer config")
    return frozenset(ids)


def closing_token(tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> int:
    """The one of `ends` with which the chat template closes an assistant turn (the EOS token if it leaves it open).

    ModelError without a chat template, or if it refuses a plain conversation or closes a turn with another token.
    """
    turn = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _ANSWER}]
    try:
        _, found, closing = chat_text(tokenizer, turn, answer_next=False).rpartition(_ANSWER)
    except TemplateError as error:
        raise ModelError(
            f"'{tokenizer.name_or_path}': its chat template refuses a plain question and answer "
            f"({' '.join(str(error).split())}); use another template"
        ) from None
    if not found:
        raise ModelError(
            f"'{tokenizer.name_or_path}': its chat template does not show an answer as given; use another template"
        )
    after = tokenizer(closing, add_special_tokens=False)["input_ids"]
    if not after:
        return min(ends) if tokenizer.eos_token_id is None else int(tokenizer.eos_token_id)
    for token in after:
        if token in ends:
            return int(token)
    names = ", ".join(sorted(str(tokenizer.convert_ids_to_tokens(i)) for i in ends))
    raise ModelError(
        f"'{tokenizer.name_or_path}': its chat template closes a turn with "
        f"{tokenizer.convert_ids_to_tokens(after[0])!r}, which is not an EOS token ({names}); answers would never "
        "end: correct eos_token_id in generation_config.json"
    )


def end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """`declared_ends` of a model whose chat template is used, so that `closing_token` has to be one of them."""
    ends = declared_ends(model, tokenizer)
    closing_token(tokenizer, ends)
    return ends


def check_same_ends(teacher: frozenset[int], student: frozenset[int], tokenizer: PreTrainedTokenizerBase) -> None:
    """ModelError if the two models share no token that ends a turn."""
    if not teacher & student:
        show = [", ".join(map(str, tokenizer.convert_ids_to_tokens(sorted(ids)))) for ids in (teacher, student)]
        raise ModelError(
            f"teacher ends its turns with {show[0]}, the student with {show[1]}; the student would learn not to "
            "end: make eos_token_id agree in both generation_config.json"
        )


def check_finite(name: str, model: PreTrainedModel) -> None:
    """ModelError if a weight is NaN or infinite: nothing could be learnt from or by such a model."""
    for weight, values in model.named_parameters():
        if not all(bool(end.isfinite()) for end in values.detach().aminmax()):
            raise ModelError(f"'{name}': weight {weight} holds NaN or infinity; replace the model's files")


def check_layers(name: str, model: PreTrainedModel, layers: int) -> None:
    """ConfigError if a student of `layers` layers cannot be cut out of `model`."""
    total = len(decoder_layers(model))
    if layers > total:
        raise ConfigError(f"student.layers is {layers}, but '{name}' has {total}; give a number from 1 to {total}")


def check_targets(name: str, model: PreTrainedModel, targets: str) -> None:
    """ConfigError for an adapter target that is no linear layer of `model` (the library passes over some silently)."""
    if targets == "all-linear":
        return
    linear = {module_name for module_name, module in model.named_modules() if isinstance(module, nn.Linear)}
    for target in (part.strip() for part in targets.split(",")):
        if not any(f".{module_name}".endswith(f".{target}") for module_name in linear):
            known = ", ".join(sorted({module_name.rpartition(".")[2] for module_name in linear}))
            raise ConfigError(
                f"lora.targets names '{target}', which is no linear layer of '{name}'; choose from {known}, "
                "or all-linear"
            )


def check_context(models: Sequence[tuple[str, PreTrainedModel]], longest: int) -> None:
    """ModelError if prompt and answer together can outgrow a model's context."""
    for name, model in models:
        context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        if context is not None and longest > context:
            raise ModelError(
                f"'{name}' reads at most {context} tokens, but prompts and answers can reach {longest}; "
                "lower max_prompt_tokens or rollout.max_new_tokens"
            )


def _without_fillers(entries: dict[str, int]) -> dict[str, int]:
    """A tokenizer's entries, less those at the end that are no token of any text."""
    tokens = sorted(entries, key=lambda token: entries[token])
    while tokens and _FILLER.fullmatch(tokens[-1]):
        tokens.pop()
    return {token: entries[token] for token in tokens}
