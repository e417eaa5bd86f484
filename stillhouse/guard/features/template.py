"""The template of a request: its wording without payload, whole, at its ends, and nearly.

`guard/log/scaffold.py` says what a wording is. A payload that stands in no marks is still in it, so the opening and
the closing words, where templates put their instructions, are tokens of their own, and near duplicates of the opening
are found by MinHash.
"""

from collections.abc import Sequence
from functools import lru_cache

from stillhouse.guard.features.asked import Asked
from stillhouse.guard.features.minhash import bands
from stillhouse.guard.features.tokens import Hasher, Kind, token
from stillhouse.guard.features.words import cut
from stillhouse.guard.log.scaffold import wording

__all__ = ["NEEDS", "Templates"]

NEEDS = ("request",)

_SHORTEST = 5  # words; "thanks, go on" says nothing about who wrote it
_EDGE = 8
_NEAR_WORDS = 32
_REMEMBERED = 1 << 12
_WORDS_REMEMBERED = 1 << 16
_LONGEST = 2048


class Templates:
    """Link tokens of wordings under one key. It remembers those that came lately, since a template comes again."""

    def __init__(self, hashed: Hasher) -> None:
        self._hashed = hashed
        self._hashed_word = lru_cache(maxsize=_WORDS_REMEMBERED)(hashed)
        self._of_instructions = lru_cache(maxsize=_REMEMBERED)(self._instructions)
        self._of_wording = lru_cache(maxsize=_REMEMBERED)(self._turn)

    def tokens(self, asked: Asked) -> tuple[int, ...]:
        """Of the instructions, of the newest turn, and of content that was withheld. No duplicates."""
        found = self._of_wording(_wording(asked.newest))
        if asked.system:
            found = self._of_instructions(asked.system) + found
        if asked.scaffolds:
            found += tuple(token(Kind.WORDING, self._hashed(scaffold)) for scaffold in dict.fromkeys(asked.scaffolds))
        return found

    def _instructions(self, text: str) -> tuple[int, ...]:
        line = _wording(text)
        words = line.split()
        if len(words) < _SHORTEST:
            return ()
        return token(Kind.SYSTEM, self._hashed(line)), *self._near(words, Kind.SYSTEM_NEAR)

    def _turn(self, line: str) -> tuple[int, ...]:
        words = line.split()
        if len(words) < _SHORTEST:
            return ()
        whole = token(Kind.WORDING, self._hashed(line))
        if len(words) <= _EDGE:
            return (whole,)
        opening = token(Kind.OPENING, self._hashed(" ".join(words[:_EDGE])))
        ending = token(Kind.ENDING, self._hashed(" ".join(words[-_EDGE:])))
        return whole, opening, ending, *self._near(words, Kind.NEAR)

    def _near(self, words: Sequence[str], kind: Kind) -> list[int]:
        if len(words) <= _EDGE:
            return []
        return [token(kind, band) for band in bands(words[:_NEAR_WORDS], self._hashed_word)]


def _wording(text: str) -> str:
    return wording(cut(text, _LONGEST))
