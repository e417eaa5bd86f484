"""One exchange in, one row out: the part of detection that may run anywhere, any number of times, in any order."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.detect.manner import manner
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.asked import Asked, asked
from stillhouse.guard.features.content import contents
from stillhouse.guard.features.cues import cues
from stillhouse.guard.features.harness import harness_token
from stillhouse.guard.features.origin import Origins
from stillhouse.guard.features.template import Templates
from stillhouse.guard.features.tokens import hasher
from stillhouse.guard.features.words import words_of
from stillhouse.types import Exchange

__all__ = ["Extractor"]


class Extractor:
    """Makes rows under one `key` (what splits requests and hashes what is shared) and one table of word weights."""

    def __init__(self, key: bytes, idf: NDArray[np.float32]) -> None:
        self._split = key
        self._hashed = hasher(key)
        self._seed = int.from_bytes(key[:4])
        self._origins = Origins(self._hashed)
        self._fingerprint_hash = lru_cache(maxsize=1 << 14)(self._hashed)
        self._templates = Templates(self._hashed)
        self._idf = idf

    def row(self, exchange: Exchange, at: int) -> Row:
        """`at` is the time at which the exchange counts, in microseconds since 1970."""
        return self.rows([(exchange, at)])[0]

    def rows(self, dated: Sequence[tuple[Exchange, int]]) -> list[Row]:
        """The same of many exchanges, each with its time: fifty at once take three quarters of the time.

        Each step is done for all of them before the next one, so it finds its code and tables in the processor's
        caches.
        """
        exchanges = [exchange for exchange, _ in dated]
        said = [asked(exchange) for exchange in exchanges]
        words = [words_of(one.newest) for one in said]
        evidence = [self.is_evidence(exchange.id) for exchange in exchanges]
        return [
            Row(at, exchange.id, exchange.account, *rest)
            for (exchange, at), *rest in zip(
                dated,
                evidence,
                map(self._origins.tokens, exchanges),
                map(self._client, exchanges, said),
                self._templates.tokens(said),
                contents([has if chosen else () for has, chosen in zip(words, evidence, strict=True)], self._idf),
                [
                    int(cues(*one))
                    for one in zip(said, words, [exchange.request for exchange in exchanges], strict=True)
                ],
                [manner(*one, self._seed) for one in zip(exchanges, said, words, evidence, strict=True)],
                [one.says for one in said],
                strict=True,
            )
        ]

    def _client(self, exchange: Exchange, said: Asked) -> int:
        return harness_token(exchange, said, self._fingerprint_hash)

    def is_evidence(self, id: str) -> bool:
        """Which half an exchange is in: a keyed hash of its id, which nobody who sends requests can choose."""
        return bool(blake2b(id.encode("utf-8", "surrogatepass"), key=self._split, digest_size=1).digest()[0] & 1)
