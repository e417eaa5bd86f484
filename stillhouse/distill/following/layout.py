"""Checks of an answer's form: parts, bullets, marks, beginnings and ends."""

import json
import re

__all__ = [
    "bullets",
    "ends_with",
    "has_postscript",
    "has_title",
    "highlights",
    "is_json",
    "is_one_of_three",
    "is_quoted",
    "paragraph_begins",
    "paragraphs",
    "placeholders",
    "repeats_request",
    "sections",
    "two_answers",
]

_POSTSCRIPTS = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
_FENCE = re.compile(r"^```(?:json)?|```$", re.IGNORECASE)
_THREE = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


def paragraphs(text: str) -> int | None:
    """How many parts `***` makes; None where one between two others is empty."""
    parts = re.split(r"\s?\*\*\*\s?", text)
    if not all(part.strip() for part in parts[1:-1]):
        return None
    return sum(bool(part.strip()) for part in parts)


def paragraph_begins(text: str, count: int, nth: int, word: str) -> bool:
    """`count` parts between empty lines, and part `nth` (from 1) begins with `word`.

    As in IFEval, empty parts do not count for `count` but do for `nth`.
    """
    parts = [part.strip() for part in text.split("\n\n")]
    if sum(map(bool, parts)) != count or not 1 <= nth <= count:
        return False
    first = re.match(r"'*\"*([^\s.,?!\"']*)", parts[nth - 1])
    return first is not None and first.group(1).casefold() == word.casefold()


def placeholders(text: str) -> int:
    """How many `[...]` there are."""
    return len(re.findall(r"\[.*?\]", text))


def has_postscript(text: str, marker: str) -> bool:
    """The marker occurs, with or without spaces after its full stops."""
    return re.search(_POSTSCRIPTS.get(marker, re.escape(marker.lower())), text.lower()) is not None


def bullets(text: str) -> int:
    """Lines that begin with one `*` or with `-`; as in IFEval, a bare `*` is one bullet with the line after it."""
    stars = re.findall(r"^\s*\*[^*].*$", text, re.MULTILINE)
    return len(stars) + len(re.findall(r"^\s*-.*$", text, re.MULTILINE))


def highlights(text: str) -> int:
    """Parts in `*...*` or `**...**` that are not empty; as in IFEval, `***...***` is one of each."""
    bold = re.findall(r"\*\*[^\n*]*\*\*", text)
    plain = re.findall(r"\*[^\n*]*\*", text)
    return sum(bool(part.strip("* \t")) for part in (*bold, *plain))


def sections(text: str, splitter: str) -> int:
    """How often `splitter` stands with a number, also within a word, as in IFEval (which reads it as a pattern)."""
    return len(re.findall(rf"{re.escape(splitter)}\s?\d+", text))


def is_json(text: str) -> bool:
    """The whole answer is JSON, in a code fence or not."""
    try:
        json.loads(_FENCE.sub("", _FENCE.sub("", text.strip()).strip()))
    except (ValueError, RecursionError):  # Brackets without end are what a degenerate model writes.
        return False
    return True


def is_one_of_three(text: str) -> bool:
    """It holds one of the three sentences of IFEval's constrained answer."""
    return any(answer in text for answer in _THREE)


def has_title(text: str) -> bool:
    """Some `<<...>>` on one line is not empty."""
    return any(title.strip("<> ") for title in re.findall(r"<<([^\n]+)>>", text))


def two_answers(text: str) -> bool:
    """Two different parts divided by six asterisks."""
    parts = [part.strip() for part in text.split("******")]
    if not all(parts[1:-1]):
        return False
    whole = [part for part in parts if part]
    return len(whole) == 2 and whole[0] != whole[1]


def repeats_request(text: str, request: str) -> bool:
    """It begins with the request."""
    return text.strip().casefold().startswith(request.strip().casefold())


def ends_with(text: str, phrase: str) -> bool:
    """It ends with the phrase, quotation marks aside."""
    return text.strip().strip('"').casefold().endswith(phrase.strip().casefold())


def is_quoted(text: str) -> bool:
    """Double quotation marks stand around the whole."""
    found = text.strip()
    return len(found) > 1 and found.startswith('"') and found.endswith('"')
