"""What the first reading of a log keeps of an exchange: which words it has, and which cues.

It is little, because what is put in the order of time waits for as long as the lateness.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.features.asked import asked
from stillhouse.guard.features.cues import CUES, cues
from stillhouse.guard.features.words import BUCKETS, word_counts, words_of
from stillhouse.types import Exchange

__all__ = ["Listener", "Said", "weighs", "words_and_cues"]


class Said(NamedTuple):
    """`words` are the distinct buckets as 32-bit numbers, none where the exchange does not weigh. Any two compare: what
    waits is put in order by them where time and id are the same.
    """

    at: int
    id: str
    says: bool
    weighs: bool
    words: bytes
    cues: int


class Listener:
    """Makes what an `Extractor` makes rows of into `Said`; `key` says which accounts weigh."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def rows(self, dated: Sequence[tuple[Exchange, int]]) -> list[Said]:
        return [self._said(exchange, at) for exchange, at in dated]

    def _said(self, exchange: Exchange, at: int) -> Said:
        said = asked(exchange)
        if not weighs(exchange.account, self._key):
            return Said(at, exchange.id, said.says, False, b"", 0)
        words = words_of(said.newest)
        found = word_counts(words)[0].astype(np.uint32).tobytes()
        return Said(at, exchange.id, said.says, True, found, int(cues(said, words, exchange.request)))


def weighs(account: str, key: bytes) -> bool:
    """Whether an account is in the half that words and cues come from."""
    return bool(blake2b(account.encode(), key=key, person=b"half", digest_size=1).digest()[0] & 1)


def words_and_cues(read: Iterable[Said]) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """(weight of each bucket's words, share of requests that show each cue)."""
    documents, n = np.zeros(BUCKETS), 0
    shown = [0] * len(CUES)
    for one in read:
        if one.weighs:
            documents[np.frombuffer(one.words, np.uint32)] += 1
            shown = [count + bool(one.cues & cue) for count, cue in zip(shown, CUES, strict=True)]
            n += 1
    idf = np.log((n + 1) / (documents + 1)).astype(np.float32)
    return idf, tuple((count + 1) / (n + 2) for count in shown)
