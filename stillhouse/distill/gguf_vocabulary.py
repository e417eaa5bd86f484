"""A tokenizer as llama.cpp reads it: entries, their kinds, merges, and the name of a pre-tokenizer.

llama.cpp knows pre-tokenizers by name and carries the patterns itself, so the name must stand for the very pattern
that the tokenizer has. Here it is found by comparing the pattern, not by the name of the model: a tokenizer with any
other pattern is refused, because it would be cut into other tokens than the student was trained on.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gguf import TokenType
from transformers import PreTrainedTokenizerBase
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX as _QWEN2

from stillhouse.errors import ModelError

__all__ = ["GgufVocabulary", "gguf_vocabulary"]

_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# What comes before byte-level BPE -> llama.cpp's name. `bytes`: the pattern of GPT-2, which is built into `tokenizers`.
_NAMES: dict[tuple[str, ...], str] = {
    ("bytes",): "gpt-2",
    ("digits", "bytes"): "smollm",
    (f"split {_QWEN2}",): "qwen2",
    (f"split {_LLAMA3}",): "llama-bpe",
}
# What byte-level BPE may have besides, and a GGUF file cannot say; unset in the tokenizers that are known.
_UNSAID = ("byte_fallback", "continuing_subword_prefix", "dropout", "end_of_word_suffix", "fuse_unk")


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufVocabulary:
    """`tokens[i]` is the entry of id i, in the alphabet of byte-level BPE unless it is an added token."""

    pre: str
    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    adds_bos: bool
    adds_eos: bool


def gguf_vocabulary(tokenizer: PreTrainedTokenizerBase, rows: int) -> GgufVocabulary:
    """The vocabulary of a byte-level BPE `tokenizer`, filled up to the `rows` of the embedding with unused entries.

    ModelError for any other tokenizer: one that normalises text (NFC aside, which llama.cpp leaves out for all
    models), cuts it with a pattern that llama.cpp has no name for, merges in an unusual way, or puts tokens before or
    after a text other than its BOS and EOS.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(f"{tokenizer.name_or_path}: GGUF export needs a tokenizer.json; this tokenizer has none")
    state = json.loads(backend.to_str())
    model = state["model"]
    pre = _NAMES.get(tuple(_steps(state["pre_tokenizer"])))
    normalised = state["normalizer"] not in (None, {"type": "NFC"})
    # llama.cpp takes a whole word that is an entry before it merges for this one pre-tokenizer, and only for it.
    if model["type"] != "BPE" or pre is None or normalised or model["ignore_merges"] != (pre == "llama-bpe"):
        raise ModelError(
            f"{tokenizer.name_or_path}: its tokenizer cuts text in a way that has no name in GGUF; export knows "
            f"byte-level BPE as in {', '.join(_NAMES.values())}"
        )
    for option in _UNSAID:
        if model.get(option):
            raise ModelError(
                f"{tokenizer.name_or_path}: its tokenizer has {option} {model[option]!r}, which a GGUF file cannot "
                "say; export a student without it"
            )
    entries: dict[int, str] = {index: token for token, index in model["vocab"].items()}
    kinds = dict.fromkeys(entries, TokenType.NORMAL)
    for added in state["added_tokens"]:
        entries[added["id"]] = added["content"]
        kinds[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    if max(entries) >= rows:
        raise ModelError(
            f"{tokenizer.name_or_path}: {max(entries) + 1} tokens, but the model has {rows} embedding rows"
        )
    adds_bos, adds_eos = _added(tokenizer)
    return GgufVocabulary(
        pre=pre,
        tokens=tuple(entries.get(index, f"[PAD{index}]") for index in range(rows)),
        kinds=tuple(int(kinds.get(index, TokenType.UNUSED)) for index in range(rows)),
        merges=tuple(" ".join(merge) for merge in model["merges"]),
        adds_bos=adds_bos,
        adds_eos=adds_eos,
    )


def _added(tokenizer: PreTrainedTokenizerBase) -> tuple[bool, bool]:
    """Whether a text gets a BOS before it and an EOS after it; ModelError if it gets anything else."""
    text, whole = (list(tokenizer("a", add_special_tokens=added)["input_ids"]) for added in (False, True))
    bos, eos = [tokenizer.bos_token_id], [tokenizer.eos_token_id]
    for before, after in ((False, False), (True, False), (False, True), (True, True)):
        if whole == [*bos * before, *text, *eos * after]:
            return before, after
    raise ModelError(
        f"{tokenizer.name_or_path}: its tokenizer makes {tokenizer.convert_ids_to_tokens(whole)} of the text 'a'; a "
        "GGUF file can only say that its BOS is put before a text and its EOS after it"
    )


def _steps(pre_tokenizer: dict[str, Any] | None) -> Iterator[str]:
    """The cuts that are made before BPE; one that is not known here comes out as itself and matches nothing."""
    match pre_tokenizer:
        case {"type": "Sequence", "pretokenizers": [*parts]}:
            for part in parts:
                yield from _steps(part)
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": regex}:
            yield from ("bytes",) if regex else ()
        case {"type": "Digits", "individual_digits": True}:
            yield "digits"
        case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
            yield f"split {pattern}"
        case other:
            yield json.dumps(other)
