"""The words of a text as numbers: each word falls into one of 2^18 buckets, the same in every process.

CRC-32 rather than Python's own hash, which differs from process to process, and rather than a vocabulary, which would
have to be learned, shipped and grown. At this size two words of one text fall together once in a thousand texts.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "Remembered", "bucket", "cut", "word_counts", "words_of"]

BUCKETS = 1 << 18
_LONGEST = 4096
_REMEMBERED = 1 << 16
_LONGEST_REMEMBERED = 64
_WORD = re.compile(r"[^\W_]+")
# For the bytes of a text: ASCII letters in lower case, digits and all of other scripts stay, the rest is spaces.
_SPACED = bytes(code if code >= 128 or chr(code).isalnum() else ord(" ") for code in bytes(range(256)).lower())
# Scripts that put no spaces between words: every two neighbouring characters count as a word.
_UNSPACED = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯฀-๿]{2,}")


def cut(text: str, longest: int = _LONGEST) -> str:
    """The first and last half of a text that is longer than `longest` characters: instructions stand at its ends."""
    return text if len(text) <= longest else f"{text[: longest // 2]} {text[-longest // 2 :]}"


def words_of(text: str) -> list[str]:
    """Runs of letters and digits in lower case, in their order; of at most 4,096 characters of the text."""
    spaced = cut(text).encode("utf-8", "surrogatepass").translate(_SPACED).decode("utf-8", "surrogatepass").split()
    if text.isascii():
        return spaced
    found: list[str] = []
    pairs: list[str] = []
    for word in spaced:
        if word.isascii():
            found.append(word)
        else:
            lowered = word.lower()
            found += _WORD.findall(lowered)
            pairs += [run[at : at + 2] for run in _UNSPACED.findall(lowered) for at in range(len(run) - 1)]
    return found + pairs


class Remembered(dict[str, int]):
    """Numbers of words, each computed by `number` when it is first asked for; all are forgotten when there are many,
    and long ones are not kept at all.

    Its `__getitem__` costs a third of a function with `lru_cache`, and is called for every word of every text.
    """

    def __init__(self, number: Callable[[str], int]) -> None:
        super().__init__()
        self._number = number

    def __missing__(self, word: str) -> int:
        if len(word) > _LONGEST_REMEMBERED:
            return self._number(word)
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[word] = self._number(word)
        return found


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) & (BUCKETS - 1)


bucket = Remembered(_bucket).__getitem__
"""Where a word is counted: 0 to BUCKETS - 1."""


def word_counts(words: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(distinct buckets, how often each occurs), in the order of first occurrence."""
    counts = Counter(map(bucket, words))
    return np.fromiter(counts, np.int64, len(counts)), np.fromiter(counts.values(), np.float64, len(counts))
