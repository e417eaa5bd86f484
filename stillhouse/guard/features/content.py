"""What a request is about, as the few words that weigh most: a sparse vector whose cosines compare requests.

Term frequency times the reference's inverse document frequency, words in hashed buckets. Packaged static embeddings
tell two turns of one person from two people's less well (`dev/LOG.md`, 2026-11-28): what marks a person are the names
of his things, which an embedding smooths over. It needs no tokenizer and no weights.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from stillhouse.guard.features.words import BUCKETS, bucket

__all__ = ["NEEDS", "WORDS_KEPT", "Content", "content", "contents", "matrix"]

NEEDS = ("request",)
WORDS_KEPT = 48
_BUCKET_BITS = 18
_BUCKET_MASK = BUCKETS - 1
_WEIGHT_STEP = 64.0  # of a weight's unit; the largest is (1 + ln 4096) * ln(10^7) < 2^14 / 64
_HEAVIEST = (1 << 14) - 1
_LARGEST = (1 << 32) - 1

Content = bytes
"""At most WORDS_KEPT numbers of four bytes: a weight (14 bits, in 1/64) above a bucket (18 bits), falling."""


def content(words: Sequence[str], idf: NDArray[np.float32]) -> Content:
    """The words of a text that weigh most: (1 + ln count) * idf[bucket]. Empty where no word has a weight."""
    return contents([words], idf)[0]


def contents(texts: Sequence[Sequence[str]], idf: NDArray[np.float32]) -> list[Content]:
    """The same of many texts at once, in half the time."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    where = np.fromiter(map(bucket, chain.from_iterable(texts)), np.int64, int(lengths.sum()))
    counted, counts = np.unique(np.repeat(np.arange(len(texts)), lengths) << _BUCKET_BITS | where, return_counts=True)
    where = counted & _BUCKET_MASK
    weights = ((1.0 + np.log(counts)) * idf[where] * _WEIGHT_STEP).astype(np.int64)
    packed = np.minimum(weights, _HEAVIEST) << _BUCKET_BITS | where
    # Text by text, and within one the heaviest first.
    ordered = np.sort((counted >> _BUCKET_BITS << 32 | _LARGEST - packed)[weights > 0])
    ends = np.searchsorted(ordered, np.arange(1, len(texts) + 1) << 32).tolist()
    numbers = (_LARGEST - (ordered & _LARGEST)).astype("<u4").tobytes()
    return [numbers[4 * at : 4 * min(end, at + WORDS_KEPT)] for at, end in zip([0, *ends], ends, strict=False)]


def matrix(contents: Sequence[Content]) -> sp.csr_matrix:
    """Contents as rows of weights [n, BUCKETS], not normalised."""
    lengths = np.fromiter(map(len, contents), np.int64, len(contents)) // 4
    packed = np.frombuffer(b"".join(contents), "<u4").astype(np.int64)
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    weights = (packed >> _BUCKET_BITS) / _WEIGHT_STEP
    return sp.csr_matrix((weights, packed & _BUCKET_MASK, pointers), shape=(len(contents), BUCKETS))
