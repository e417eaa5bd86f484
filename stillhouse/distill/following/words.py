"""Checks that count or look for words, letters and sentences."""

import re
from collections.abc import Sequence

__all__ = [
    "capital_words",
    "has_all",
    "has_none",
    "holds",
    "letter_count",
    "mostly_in_script",
    "occurrences",
    "sentence_count",
    "word_count",
]

_ABBREVIATION = re.compile(r"\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|no|jr|sr|[a-z])\.$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*]*\s+|\n+")
_LETTER_OR_DIGIT = re.compile(r"\w")
# Languages that are the only widely written ones of their script: there, the script tells the language.
_SCRIPTS = {
    "bn": (0x0980, 0x09FF),
    "gu": (0x0A80, 0x0AFF),
    "kn": (0x0C80, 0x0CFF),
    "ko": (0xAC00, 0xD7A3),
    "pa": (0x0A00, 0x0A7F),
    "ta": (0x0B80, 0x0BFF),
    "te": (0x0C00, 0x0C7F),
    "th": (0x0E00, 0x0E7F),
}


def holds(count: int, relation: str, limit: int) -> bool:
    """IFEval's two relations. ValueError for another."""
    match relation:
        case "at least":
            return count >= limit
        case "less than":
            return count < limit
    raise ValueError(f"relation is '{relation}'; it is 'at least' or 'less than'")


def has_all(text: str, words: Sequence[str]) -> bool:
    """Each of `words` occurs, also inside of longer words."""
    return all(word.casefold() in text.casefold() for word in words)


def has_none(text: str, words: Sequence[str]) -> bool:
    """None of `words` occurs as a word of its own."""
    return not any(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) for word in words)


def occurrences(text: str, word: str) -> int:
    """How often `word` occurs, also inside of longer words."""
    return text.casefold().count(word.casefold())


def letter_count(text: str, letter: str) -> int:
    """How often the character occurs, small or capital."""
    return text.lower().count(letter.lower())


def word_count(text: str) -> int:
    """Runs of letters, digits and underscores: "it's" are two, as in IFEval."""
    return len(re.findall(r"\w+", text))


def capital_words(text: str) -> int:
    """Words of capitals only ("A" and "U.S." are such words too)."""
    return sum(word.isupper() for word in re.findall(r"[\w'.-]+", text))


def sentence_count(text: str) -> int:
    """Parts that end with `.`, `!`, `?` or their line; common abbreviations end none (IFEval: a trained splitter)."""
    parts = [part for part in _SENTENCE_END.split(text) if _LETTER_OR_DIGIT.search(part)]
    return sum(not _ABBREVIATION.search(part.rstrip()) for part in parts[:-1]) + bool(parts)


def mostly_in_script(text: str, language: str) -> bool | None:
    """More than half of the letters belong to the language's script; None where a script does not tell the language."""
    if language not in _SCRIPTS:
        return None
    low, high = _SCRIPTS[language]
    letters = [character for character in text if character.isalpha()]
    return sum(low <= ord(character) <= high for character in letters) * 2 > len(letters)
