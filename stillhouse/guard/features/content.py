"""What a request is about, as the few words that weigh most: a sparse vector whose cosines compare requests.

Term frequency times the reference's inverse document frequency, words in hashed buckets. Packaged static embeddings
tell two turns of one person from two people's less well (`dev/LOG.md`, 2026-11-28): what marks a person are the names
of his things, which an embedding smooths over. It needs no tokenizer and no weights.
"""

import math
import struct
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from stillhouse.guard.features.words import BUCKETS, word_counts

__all__ = ["NEEDS", "WORDS_KEPT", "Content", "content", "matrix"]

NEEDS = ("request",)
WORDS_KEPT = 48
_BUCKET_BITS = 18
_BUCKET_MASK = BUCKETS - 1
_WEIGHT_STEP = 64.0  # of a weight's unit; the largest is (1 + ln 4096) * ln(10^7) < 2^14 / 64
_HEAVIEST = (1 << 14) - 1

Content = bytes
"""At most WORDS_KEPT numbers of four bytes: a weight (14 bits, in 1/64) above a bucket (18 bits), falling."""


def content(words: Sequence[str], idf: Sequence[float] | NDArray[np.float32]) -> Content:
    """The words of a text that weigh most: (1 + ln count) * idf[bucket]. Empty where no word has a weight.

    In plain Python: a text has some fifty words, for which arrays cost more to set up than to use.
    """
    packed = []
    for where, count in word_counts(words).items():
        weight = idf[where] * _WEIGHT_STEP
        steps = int(weight if count == 1 else (1.0 + math.log(count)) * weight)
        if steps > 0:
            packed.append((steps if steps < _HEAVIEST else _HEAVIEST) << _BUCKET_BITS | where)
    packed.sort(reverse=True)
    return struct.pack(f"<{min(len(packed), WORDS_KEPT)}I", *packed[:WORDS_KEPT])


def matrix(contents: Sequence[Content]) -> sp.csr_matrix:
    """Contents as rows of weights [n, BUCKETS], not normalised."""
    lengths = np.fromiter(map(len, contents), np.int64, len(contents)) // 4
    packed = np.frombuffer(b"".join(contents), "<u4").astype(np.int64)
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    weights = (packed >> _BUCKET_BITS) / _WEIGHT_STEP
    return sp.csr_matrix((weights, packed & _BUCKET_MASK, pointers), shape=(len(contents), BUCKETS))
