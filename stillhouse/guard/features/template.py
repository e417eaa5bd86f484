"""The template of a request: its wording without payload, whole, at its ends, and nearly.

`guard/log/scaffold.py` says what a wording is. A payload that stands in no marks is still in it, so the opening and
the closing words, where templates put their instructions, are tokens of their own, and near duplicates of the opening
are found by MinHash.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from stillhouse.guard.features.asked import Asked
from stillhouse.guard.features.minhash import bands
from stillhouse.guard.features.tokens import Hasher, Kind, token, tokens_of
from stillhouse.guard.features.words import Remembered, cut
from stillhouse.guard.log.scaffold import wording

__all__ = ["MOST_TOKENS", "NEEDS", "Templates"]

NEEDS = ("request",)

_SHORTEST = 5  # words; "thanks, go on" says nothing about who wrote it
_EDGE = 8
_NEAR_WORDS = 32
_REMEMBERED = 1 << 12
_LONGEST = 2048
_LONGEST_LINE = 8192  # of a wording: compatibility characters may become eighteen of others

MOST_TOKENS = 24
"""Of one request, whatever its client writes: 7 of instructions, 9 of a turn, 8 of content that was withheld."""


class Templates:
    """Link tokens of wordings under one key. It remembers those that came lately, since a template comes again."""

    def __init__(self, hashed: Hasher) -> None:
        self._hashed = hashed
        self._hashed_word = Remembered(hashed).__getitem__
        self._instructions: dict[str, tuple[int, ...]] = {}
        self._turns: dict[str, tuple[int, ...]] = {}

    def tokens(self, asked: Sequence[Asked]) -> list[tuple[int, ...]]:
        """For each request those of its instructions, of its newest turn, and of content that was withheld. No
        duplicates, and at most MOST_TOKENS."""
        systems = [cut(one.system, _LONGEST) for one in asked]
        lines = [cut(wording(cut(one.newest, _LONGEST)), _LONGEST_LINE) for one in asked]
        _learn(self._instructions, systems, self._of_instructions)
        _learn(self._turns, lines, self._of_turns)
        return [
            (self._instructions[system] + self._turns[line] + self._withheld(one.scaffolds))[:MOST_TOKENS]
            for one, system, line in zip(asked, systems, lines, strict=True)
        ]

    def _of_instructions(self, texts: Sequence[str]) -> Iterator[tuple[int, ...]]:
        lines = [wording(text) for text in texts]
        split = [line.split() for line in lines]
        near = self._near(split, Kind.SYSTEM_NEAR)
        for line, words in zip(lines, split, strict=True):
            whole = (token(Kind.SYSTEM, self._hashed(line)),) if len(words) >= _SHORTEST else ()
            yield whole + next(near) if len(words) > _EDGE else whole

    def _of_turns(self, lines: Sequence[str]) -> Iterator[tuple[int, ...]]:
        split = [line.split() for line in lines]
        near = self._near(split, Kind.NEAR)
        for line, words in zip(lines, split, strict=True):
            whole = (token(Kind.WORDING, self._hashed(line)),) if len(words) >= _SHORTEST else ()
            if len(words) > _EDGE:
                opening = token(Kind.OPENING, self._hashed(" ".join(words[:_EDGE])))
                ending = token(Kind.ENDING, self._hashed(" ".join(words[-_EDGE:])))
                yield *whole, opening, ending, *next(near)
            else:
                yield whole

    def _near(self, split: Sequence[Sequence[str]], kind: Kind) -> Iterator[tuple[int, ...]]:
        """Of the wordings that are long enough to have any."""
        openings = [words[:_NEAR_WORDS] for words in split if len(words) > _EDGE]
        return map(tuple, tokens_of(kind, bands(openings, self._hashed_word)).tolist() if openings else ())

    def _withheld(self, scaffolds: Sequence[str]) -> tuple[int, ...]:
        return tuple([token(Kind.WORDING, self._hashed(one)) for one in dict.fromkeys(scaffolds)]) if scaffolds else ()


def _learn(
    known: dict[str, tuple[int, ...]],
    texts: Sequence[str],
    tokens: Callable[[Sequence[str]], Iterable[tuple[int, ...]]],
) -> None:
    """Know the tokens of all texts, and forget the others when there are many."""
    if len(known) >= _REMEMBERED:
        known.clear()
    if new := list(set(texts).difference(known)):
        known.update(zip(new, tokens(new), strict=True))
