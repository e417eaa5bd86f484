"""Each of the 25 kinds of instruction: an answer that follows it and one that does not."""

from typing import Any

import pytest

from stillhouse.distill.following import INSTRUCTIONS, followed

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
        "NEW and BIG soap",
        "NEW soap",
    ),
    ("change_case:english_capital", {}, "THIN ICE!", "Thin ICE!"),
    ("change_case:english_lowercase", {}, "a volcano, 2 km high.", "A volcano."),
    ("combination:repeat_prompt", {"prompt_to_repeat": "How many?"}, "how many? Eight.", "Eight. How many?"),
    ("combination:two_responses", {}, "one\n******\ntwo", "one\n******\none"),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name] at [place]", "[name]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\nP. S. Write soon.", "Bye. PS: write."),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye.\nP.P.S. More.", "Bye.\nP.S. More."),
    ("detectable_format:constrained_response", {}, "Well: My answer is no.", "My answer is never."),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{'a': 1}"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Part", "num_sections": 2},
        "Part 1\na\nPart 2\nb",
        "Part one\nPart 2",
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "So:\n* a\n- b", "* a\n* b\n* c"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "**bold**\n* a", "**bold**"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", "**a** and ** **"),
    ("detectable_format:title", {}, "<<Snow>>\nIt falls.", "<< >>\n<Snow>"),
    ("keywords:existence", {"keywords": ["bee", "rain"]}, "Bees like no RAIN.", "Bees like sun."),
    ("keywords:forbidden_words", {"forbidden_words": ["cold"]}, "Icy, with colds.", "A Cold day"),
    ("keywords:frequency", {"keyword": "moon", "relation": "less than", "frequency": 2}, "moonlight", "moon, Moon"),
    (
        "keywords:letter_frequency",
        {"letter": "z", "let_relation": "at least", "let_frequency": 3},
        "Zigzag zoo",
        "zigzag",
    ),
    ("language:response_language", {"language": "ko"}, "안녕하세요 abc", "hello 안"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "later"},
        "One.\n\n'Later, two.",
        "One.\n\nMuch later.",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "*** a\n***\nb", "a *** *** b"),
    (
        "length_constraints:number_sentences",
        {"relation": "less than", "num_sentences": 3},
        "Dr. Day. So?",
        "Ah. So. It.",
    ),
    ("length_constraints:number_sentences", {"relation": "at least", "num_sentences": 2}, "One\ntwo", "3.5 is one."),
    ("length_constraints:number_words", {"relation": "at least", "num_words": 4}, "it's so-so", "it's so"),
    ("punctuation:no_comma", {}, "No; none.", "No, none."),
    ("startend:end_checker", {"end_phrase": "You can do this."}, 'So: "you can do this."', "You can do this. Bye."),
    ("startend:quotation", {}, ' "So it is." ', '"So" it is.'),
]


SECTIONS, BULLETS = "detectable_format:multiple_sections", "detectable_format:number_bullet_lists"
FIRST = "length_constraints:nth_paragraph_first_word"
LIKE_IFEVAL: list[tuple[str, dict[str, Any], str, bool]] = [
    (SECTIONS, {"section_spliter": "Section", "num_sections": 2}, "_Section 1_ a _Section 2_ b", True),
    (SECTIONS, {"section_spliter": "##", "num_sections": 2}, "## 1\na\n## 2\nb", True),
    (FIRST, {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "so"}, "\n\nSo it is.", False),
    (FIRST, {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "so"}, "(So it is.)", False),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "***c***", True),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 3}, "***c***", False),
    (BULLETS, {"num_bullets": 1}, "*\n* b", True),
    (BULLETS, {"num_bullets": 2}, "- \n-", True),
]


@pytest.mark.parametrize(("name", "arguments", "text", "wanted"), LIKE_IFEVAL)
def test_corner_cases_are_those_of_the_published_program(
    name: str, arguments: dict[str, Any], text: str, wanted: bool
) -> None:
    assert followed(name, arguments, text) is wanted


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), CASES)
def test_followed_and_not(name: str, arguments: dict[str, Any], good: str, bad: str) -> None:
    assert followed(name, arguments, good) is True
    assert followed(name, arguments, bad) is False


def test_every_kind_has_a_case() -> None:
    assert {name for name, *_ in CASES} == set(INSTRUCTIONS)
    assert len(INSTRUCTIONS) == 25


def test_an_empty_answer_follows_nothing() -> None:
    assert followed("punctuation:no_comma", {}, " \n") is False


def test_brackets_without_end_are_no_json() -> None:
    assert followed("detectable_format:json_format", {}, "[" * 100_000) is False


def test_a_language_that_shares_its_script_is_not_told() -> None:
    assert followed("language:response_language", {"language": "de"}, "Guten Tag") is None


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("keywords:none", {}, KeyError),
        ("keywords:existence", {}, KeyError),
        ("length_constraints:number_words", {"relation": "exactly", "num_words": 3}, ValueError),
    ],
)
def test_what_cannot_be_meant_is_an_error(name: str, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        followed(name, arguments, "a")
