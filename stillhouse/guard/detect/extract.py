"""One exchange in, one row out: the part of detection that may run anywhere, any number of times, in any order."""

from array import array
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.asked import asked
from stillhouse.guard.features.content import content
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
        self._origins = Origins(self._hashed)
        self._fingerprint_hash = lru_cache(maxsize=1 << 14)(self._hashed)
        self._templates = Templates(self._hashed)
        self._idf = array("f", idf.tobytes())

    def row(self, exchange: Exchange, at: int) -> Row:
        """`at` is the time at which the exchange counts, in microseconds since 1970."""
        said = asked(exchange)
        words = words_of(said.newest)
        evidence = self.is_evidence(exchange.id)
        return Row(
            at=at,
            id=exchange.id,
            account=exchange.account,
            evidence=evidence,
            origin=self._origins.tokens(exchange),
            client=harness_token(exchange, said, self._fingerprint_hash),
            wording=self._templates.tokens(said),
            content=content(words, self._idf) if evidence else b"",
            cues=int(cues(said, words, exchange.request)),
        )

    def is_evidence(self, id: str) -> bool:
        """Which half an exchange is in: a keyed hash of its id, which nobody who sends requests can choose."""
        return bool(blake2b(id.encode("utf-8", "surrogatepass"), key=self._split, digest_size=1).digest()[0] & 1)
