"""What is read in a reply and what is refused, with the reason."""

import pytest

from stillhouse.distill.judges.parse import Unreadable, choice, integer, object_in, ranking, words


@pytest.mark.parametrize(
    "text",
    [
        '{"score": 3}',
        '  {"score": 3}\n',
        '```json\n{"score": 3}\n```',
        'Here is my judgement of the set {1, 2}: {"score": 3}. I hope that helps {you}!',
        '{"score": 3}\n\nAs I said: {"score": 3}',
        '{ "score":\n 3 }',
    ],
)
def test_the_one_object_is_found(text: str) -> None:
    assert object_in(text) == {"score": 3}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("The answer deserves a 3.", "no JSON object in it"),
        ("[3]", "no JSON object in it"),
        ('{"reason": "it is', "unfinished or malformed"),
        ('{"a": {"score": 3}, "b": ', "unfinished or malformed"),  # the object inside must not be taken for the whole
        ("{'score': 3}", "no JSON object in it"),
        ('{"score": 3} or rather {"score": 4}', "2 different JSON objects"),
        ('{"score": 3, "score": 4}', "'score' is in it twice"),
        ('{"score": NaN}', "NaN is in it"),
        ('{"a":' * 100_000, "nested too deeply"),
        (f'{{"score": {"9" * 5000}}}', "unfinished or malformed"),
    ],
)
def test_what_is_no_judgement_says_why(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        object_in(text)


@pytest.mark.parametrize("value", [4, 4.0, "4", " 4 "])
def test_a_whole_number(value: object) -> None:
    assert integer({"score": value}, "score", 1, 5) == 4


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "'score' is not in it"),
        ({"score": 0}, "'score' is 0, outside 1 to 5"),
        ({"score": "6"}, "'score' is 6, outside 1 to 5"),
        ({"score": 3.5}, "3.5, not a whole number"),
        ({"score": "4/5"}, "'4/5', not a whole number"),
        ({"score": True}, "True, not a whole number"),
        ({"score": None}, "None, not a whole number"),
        ({"score": [3]}, r"\[3\], not a whole number"),
        ({"score": 1e400}, "inf, not a whole number"),
        ({"score": 10**400}, "outside 1 to 5"),
        ({"score": "x" * 90}, r"'x+\.\.\., not"),
    ],
)
def test_what_is_no_whole_number_in_range(said: dict[str, object], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        integer(said, "score", 1, 5)


@pytest.mark.parametrize("value", ["B", "b", " B. "])
def test_a_choice(value: str) -> None:
    assert choice({"better": value}, "better", ["A", "B", "tie"]) == "B"


@pytest.mark.parametrize("value", ["C", "A or B", "", 1, None, ["A"]])
def test_no_choice(value: object) -> None:
    with pytest.raises(Unreadable, match="not one of A, B, tie"):
        choice({"better": value}, "better", ["A", "B", "tie"])


@pytest.mark.parametrize("value", ["B > A > C", "B>A>C", "b, a, c", "B A C", ["B", "A", "C"], ["b ", "a", "c"]])
def test_a_ranking(value: object) -> None:
    assert ranking({"ranking": value}, "ranking", "ABC") == ["B", "A", "C"]


@pytest.mark.parametrize("value", ["B > A", "A > B > B", "A > B > C > D", "", 3, None, ["A", "B", 3], "A = B > C"])
def test_no_ranking(value: object) -> None:
    with pytest.raises(Unreadable, match="not an order of A, B, C"):
        ranking({"ranking": value}, "ranking", "ABC")


def test_a_reason_may_be_absent() -> None:
    assert words({"reason": " because "}, "reason") == "because"
    assert words({}, "reason") == words({"reason": 3}, "reason") == ""
