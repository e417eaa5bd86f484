"""A language of two letters, all of whose answers can be written down, under two tokenizers.

The student's tokens are a, b and ab, so it can write one text in several ways. Probabilities depend on the token
before, as a table of logits; an answer ends with END or after `LONGEST` tokens.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.alignment import Aligner
from stillhouse.distill.reading import PackedSpans, pack_spans
from stillhouse.distill.token_bytes import TokenBytes, token_bytes

__all__ = ["ANSWERS", "END", "Language", "letters", "spans_of", "texts"]

END, LONGEST = 0, 3
TOKENS = ("", "a", "b", "ab")  # the student's
ANSWERS = [
    answer
    for length in range(1, LONGEST + 1)
    for answer in product(range(4), repeat=length)
    if END not in answer[:-1] and (answer[-1] == END or length == LONGEST)
]


def letters(*merges: tuple[str, str]) -> TokenBytes:
    """A byte-level BPE of END (0), a (1), b (2) and the merges."""
    vocabulary = {token: i for i, token in enumerate(["</s>", "a", "b", *("".join(pair) for pair in merges)])}
    backend = Tokenizer(models.BPE(vocabulary, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    make: Any = PreTrainedTokenizerFast  # its constructor has no types
    return token_bytes(make(tokenizer_object=backend, eos_token="</s>"), "letters")


@dataclass(frozen=True)
class Language:
    """`logits[before, token]`, where END also stands before the first token."""

    logits: NDArray[np.float64]

    def logp(self, answer: tuple[int, ...]) -> NDArray[np.float64]:
        """Of each token of the answer."""
        table = self.logits - np.log(np.exp(self.logits).sum(-1, keepdims=True))
        result: NDArray[np.float64] = table[[END, *answer[:-1]], list(answer)]
        return result


def texts() -> list[str]:
    """What each answer says; END is a full stop."""
    return ["".join(TOKENS[token] or "." for token in answer) for answer in ANSWERS]


def spans_of(student: TokenBytes, teacher: TokenBytes, language: Language) -> tuple[PackedSpans, torch.Tensor]:
    """The spans of all answers, and the teacher's log-probabilities of its own tokens."""
    found = Aligner(student, teacher, frozenset([END]), END).align(ANSWERS)
    assert all(alignment.share == 1 for alignment in found)
    row_N = torch.tensor([i for i, answer in enumerate(ANSWERS) for _ in answer])
    row_M = torch.tensor([i for i, alignment in enumerate(found) for _ in alignment.tokens])
    logq = np.concatenate([language.logp(tuple(alignment.tokens)) for alignment in found])
    return pack_spans(found, row_N, row_M), torch.tensor(logq, dtype=torch.float32)
