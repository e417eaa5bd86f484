"""The template of a request: its wording without payload, whole, at its ends, and nearly.

`guard/log/scaffold.py` says what a wording is. A payload that stands in no marks is still in it, so the opening and
the closing words, where templates put their instructions, are tokens of their own, and near duplicates of the opening
are found by MinHash.
"""

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
_LONGEST = 2048


class Templates:
    """Link tokens of wordings under one key. It remembers texts that come again and again, as instructions do."""

    def __init__(self, hashed: Hasher) -> None:
        self._hashed = hashed
        self._system: dict[str, tuple[int, ...]] = {}

    def tokens(self, asked: Asked) -> tuple[int, ...]:
        """Of the instructions, of the newest turn, and of content that was withheld. No duplicates."""
        found = [*self._of_system(asked.system), *self._of_turn(asked.newest)]
        found += [token(Kind.WORDING, self._hashed(scaffold)) for scaffold in asked.scaffolds]
        return tuple(dict.fromkeys(found))

    def _of_system(self, text: str) -> tuple[int, ...]:
        if not text:
            return ()
        known = self._system.get(text)
        if known is None:
            if len(self._system) >= _REMEMBERED:
                self._system.clear()
            known = self._system[text] = self._edges(text, Kind.SYSTEM, Kind.SYSTEM_NEAR)
        return known

    def _of_turn(self, text: str) -> tuple[int, ...]:
        return self._edges(text, Kind.WORDING, Kind.NEAR)

    def _edges(self, text: str, whole: Kind, near: Kind) -> tuple[int, ...]:
        line = wording(cut(text, _LONGEST))
        words = line.split()
        if len(words) < _SHORTEST:
            return ()
        found = [token(whole, self._hashed(line))]
        if whole is Kind.WORDING and len(words) > _EDGE:
            found.append(token(Kind.OPENING, self._hashed(" ".join(words[:_EDGE]))))
            found.append(token(Kind.ENDING, self._hashed(" ".join(words[-_EDGE:]))))
        if len(words) > _EDGE:
            found += [token(near, self._hashed(str(band))) for band in bands(words[:_NEAR_WORDS])]
        return tuple(found)
