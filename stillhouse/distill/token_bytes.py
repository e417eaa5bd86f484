"""What each entry of a vocabulary spells, in bytes: the one thing in which two tokenizers can be compared.

Characters would not do. A byte-level tokenizer cuts an umlaut or an emoji into tokens that are no text by
themselves, and a student may write such a token where no character follows. Bytes have no such gaps, and both
spellings in use (the byte alphabet of GPT-2, and the metaspace of SentencePiece with its byte fallback) come
down to them.

Entries that the tokenizer calls special (role marks, ends of turns) spell nothing: they are known by name.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from stillhouse.errors import ModelError

__all__ = ["TokenBytes", "shared_tokens", "token_bytes"]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
_METASPACE = "▁"


@dataclass(frozen=True, slots=True)
class TokenBytes:
    """`spelling[i]` is what token i spells; None for a special token and for an id that no entry has.

    `special` maps the special tokens' names to their ids, `single` each byte to the token that spells just it (a
    byte-level vocabulary has all 256). `opens_with_space`: the first token of a text carries a space that is not
    part of the text (SentencePiece's dummy prefix).
    """

    tokenizer: PreTrainedTokenizerBase
    spelling: Sequence[bytes | None]
    special: Mapping[str, int]
    single: Mapping[int, int]
    opens_with_space: bool

    def lengths(self, tokens: Sequence[int]) -> list[int]:
        """Bytes of each of `tokens`, the beginning of a text, none of them special."""
        found = [len(self.spelling[token] or b"") for token in tokens]
        if self._has_dummy_prefix(tokens):
            found[0] -= 1
        return found

    def text(self, tokens: Sequence[int]) -> bytes:
        """What `tokens` spell as the beginning of a text."""
        found = b"".join([self.spelling[token] or b"" for token in tokens])
        return found[1:] if self._has_dummy_prefix(tokens) else found

    def _has_dummy_prefix(self, tokens: Sequence[int]) -> bool:
        return self.opens_with_space and bool(tokens) and (self.spelling[tokens[0]] or b"").startswith(b" ")


def token_bytes(tokenizer: PreTrainedTokenizerBase, name: str) -> TokenBytes:
    """The table of the tokenizer that came with the model called `name`.

    ModelError for a tokenizer of another kind than byte-level or metaspace: WordPiece, for one, forgets the spaces.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = None if backend is None else backend.decoder
    state: dict[str, Any] = {"type": "none"} if decoder is None else json.loads(decoder.__getstate__())
    steps = state["decoders"] if state["type"] == "Sequence" else [state]
    kinds = {step["type"] for step in steps}
    replaced = {step["pattern"].get("String") for step in steps if step["type"] == "Replace"}
    metaspace = "Metaspace" in kinds or _METASPACE in replaced
    if "ByteLevel" not in kinds and not metaspace:
        raise ModelError(
            f"'{name}': its tokenizer is neither byte-level nor of SentencePiece's kind, so its tokens cannot be "
            "compared with another's; grade by a judge of the text instead"
        )
    added = tokenizer.added_tokens_decoder
    spelling: list[bytes | None] = [None] * (max(tokenizer.get_vocab().values()) + 1)
    for token, i in tokenizer.get_vocab().items():
        if i not in added:
            spelling[i] = _metaspace(token) if metaspace else _byte_level(token)
        elif not added[i].special:
            spelling[i] = added[i].content.encode()
    return TokenBytes(
        tokenizer,
        spelling,
        {entry.content: i for i, entry in added.items() if entry.special},
        {spelt[0]: i for i, spelt in reversed(list(enumerate(spelling))) if spelt is not None and len(spelt) == 1},
        metaspace and _opens_with_space(steps),
    )


def shared_tokens(teacher: TokenBytes, student: TokenBytes) -> dict[int, int]:
    """{teacher's id: student's id} of all tokens that spell the same bytes, or are special and have the same name.

    Where several entries of one side spell the same, the first counts.
    """
    by_bytes = {spelt: i for i, spelt in reversed(list(enumerate(student.spelling))) if spelt is not None}
    found: dict[int, int] = {}
    taken: set[int] = set()
    for i, spelt in enumerate(teacher.spelling):
        match = None if spelt is None else by_bytes.get(spelt)
        if match is not None and match not in taken:
            found[i] = match
            taken.add(match)
    found.update({i: student.special[name] for name, i in teacher.special.items() if name in student.special})
    return dict(sorted(found.items()))


def _opens_with_space(steps: list[dict[str, Any]]) -> bool:
    """Whether decoding takes a space off the beginning of a text."""
    return any(
        (step["type"] == "Strip" and step["content"] == " " and step["start"])
        or (step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never")
        for step in steps
    )


def _byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in byte-level vocabularies (Radford et al. 2019, GPT-2)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_ALPHABET = _byte_alphabet()


def _byte_level(token: str) -> bytes | None:
    """None for an entry with a character outside the byte alphabet, which no text is cut into."""
    try:
        return bytes([_ALPHABET[character] for character in token])
    except KeyError:
        return None


def _metaspace(token: str) -> bytes:
    byte = _BYTE_TOKEN.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(_METASPACE, " ").encode()
