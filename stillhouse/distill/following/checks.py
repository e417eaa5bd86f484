"""The 25 kinds of instruction by IFEval's names, each with its check: the table of contents of this folder."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from stillhouse.distill.following.layout import (
    bullets,
    ends_with,
    has_postscript,
    has_title,
    highlights,
    is_json,
    is_one_of_three,
    is_quoted,
    paragraph_begins,
    paragraphs,
    placeholders,
    repeats_request,
    sections,
    two_answers,
)
from stillhouse.distill.following.words import (
    capital_words,
    has_all,
    has_none,
    holds,
    letter_count,
    mostly_in_script,
    occurrences,
    sentence_count,
    word_count,
)

__all__ = ["INSTRUCTIONS", "followed"]

Check: TypeAlias = Callable[[str, Mapping[str, Any]], bool | None]

_CHECKS: dict[str, Check] = {
    "change_case:capital_word_frequency": lambda text, k: holds(
        capital_words(text), k["capital_relation"], k["capital_frequency"]
    ),
    # That the words are English too is not looked at.
    "change_case:english_capital": lambda text, k: text.isupper(),
    "change_case:english_lowercase": lambda text, k: text.islower(),
    "combination:repeat_prompt": lambda text, k: repeats_request(text, k["prompt_to_repeat"]),
    "combination:two_responses": lambda text, k: two_answers(text),
    "detectable_content:number_placeholders": lambda text, k: placeholders(text) >= k["num_placeholders"],
    "detectable_content:postscript": lambda text, k: has_postscript(text, k["postscript_marker"]),
    "detectable_format:constrained_response": lambda text, k: is_one_of_three(text),
    "detectable_format:json_format": lambda text, k: is_json(text),
    "detectable_format:multiple_sections": lambda text, k: sections(text, k["section_spliter"]) >= k["num_sections"],
    "detectable_format:number_bullet_lists": lambda text, k: bullets(text) == k["num_bullets"],
    "detectable_format:number_highlighted_sections": lambda text, k: highlights(text) >= k["num_highlights"],
    "detectable_format:title": lambda text, k: has_title(text),
    "keywords:existence": lambda text, k: has_all(text, k["keywords"]),
    "keywords:forbidden_words": lambda text, k: has_none(text, k["forbidden_words"]),
    "keywords:frequency": lambda text, k: holds(occurrences(text, k["keyword"]), k["relation"], k["frequency"]),
    "keywords:letter_frequency": lambda text, k: holds(
        letter_count(text, k["letter"]), k["let_relation"], k["let_frequency"]
    ),
    "language:response_language": lambda text, k: mostly_in_script(text, k["language"]),
    "length_constraints:nth_paragraph_first_word": lambda text, k: paragraph_begins(
        text, k["num_paragraphs"], k["nth_paragraph"], k["first_word"]
    ),
    "length_constraints:number_paragraphs": lambda text, k: paragraphs(text) == k["num_paragraphs"],
    "length_constraints:number_sentences": lambda text, k: holds(
        sentence_count(text), k["relation"], k["num_sentences"]
    ),
    "length_constraints:number_words": lambda text, k: holds(word_count(text), k["relation"], k["num_words"]),
    "punctuation:no_comma": lambda text, k: "," not in text,
    "startend:end_checker": lambda text, k: ends_with(text, k["end_phrase"]),
    "startend:quotation": lambda text, k: is_quoted(text),
}
INSTRUCTIONS = tuple(_CHECKS)


def followed(instruction: str, arguments: Mapping[str, Any], text: str) -> bool | None:
    """Whether `text` does what `instruction` (one of INSTRUCTIONS) asks; an empty answer follows nothing.

    None where it cannot be told: a language that shares its script with others. Raises KeyError for an unknown
    instruction or a missing argument, ValueError for an impossible one.
    """
    result = _CHECKS[instruction](text, arguments)
    return result if result is None or text.strip() else False
