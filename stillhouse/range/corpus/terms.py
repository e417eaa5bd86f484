"""Words as a sparse vector: hashed TF-IDF, the plainest measure of what a text is about.

Buckets come from CRC-32, not from Python's own hash, so topics and figures are the same in every process. The sparse
products of scipy run in one thread in a fixed order, so they are also the same to the last bit, which a dense BLAS
does not promise.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from scipy import sparse

__all__ = ["tfidf"]

BUCKETS = 1 << 15
_LONGEST = 300  # words of one text that count
_WORD = re.compile(r"\w+")


def tfidf(texts: Sequence[str]) -> Any:
    """One row of unit length a text: (1 + ln tf) * (ln((1 + n) / (1 + df)) + 1), scikit-learn's smoothed form.

    A `scipy.sparse.csr_array` of float64; a text without a word is a row of zeros.
    """
    counts = [
        Counter(crc32(word.encode()) % BUCKETS for word in _WORD.findall(text.lower())[:_LONGEST]) for text in texts
    ]
    lengths = np.array([len(count) for count in counts], dtype=np.int64)
    columns = np.fromiter((term for count in counts for term in count), dtype=np.int64, count=int(lengths.sum()))
    values = 1 + np.log(np.fromiter((n for count in counts for n in count.values()), dtype=float, count=len(columns)))
    documents = np.bincount(columns, minlength=BUCKETS)
    values *= (np.log((1 + len(texts)) / (1 + documents)) + 1)[columns]
    starts = np.concatenate(([0], np.cumsum(lengths)))
    squares = np.add.reduceat(np.append(values**2, 0.0), starts[:-1]) if len(texts) else np.zeros(0)
    norms = np.sqrt(np.where(lengths > 0, squares, 1.0))
    values /= np.repeat(norms, lengths)
    return sparse.csr_array((values, columns, starts), shape=(len(texts), BUCKETS))
