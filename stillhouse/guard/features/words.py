"""The words of a text as numbers: each word falls into one of 2^18 buckets, the same in every process.

CRC-32 rather than Python's own hash, which differs from process to process, and rather than a vocabulary, which would
have to be learned, shipped and grown. At this size two words of one text fall together once in a thousand texts.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

__all__ = ["BUCKETS", "bucket", "cut", "word_counts", "words_of"]

BUCKETS = 1 << 18
_LONGEST = 4096
_WORD = re.compile(r"[^\W_]+")
# Of ASCII text the same by a table: letters in lower case and digits stay, all else is a space.
_ASCII_WORDS = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256))
# Scripts that put no spaces between words: every two neighbouring characters count as a word.
_UNSPACED = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯฀-๿]{2,}")


def cut(text: str, longest: int = _LONGEST) -> str:
    """The first and last half of a text that is longer than `longest` characters: instructions stand at its ends."""
    return text if len(text) <= longest else f"{text[: longest // 2]} {text[-longest // 2 :]}"


def words_of(text: str) -> list[str]:
    """Runs of letters and digits in lower case, in their order; of at most 4,096 characters of the text."""
    text = cut(text)
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS).decode().split()
    lowered = text.lower()
    found = _WORD.findall(lowered)
    for run in _UNSPACED.findall(lowered):
        found += [run[at : at + 2] for at in range(len(run) - 1)]
    return found


@lru_cache(maxsize=1 << 16)
def bucket(word: str) -> int:
    """Where a word is counted: 0 to BUCKETS - 1."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) & (BUCKETS - 1)


def word_counts(words: Iterable[str]) -> Mapping[int, int]:
    """How often each bucket occurs, in the order of first occurrence."""
    return Counter(map(bucket, words))
