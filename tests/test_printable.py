"""What others wrote stays in its place of a printed line."""

import pytest

from stillhouse.printable import printable, printable_all


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b-é.日", "a b-é.日"),
        ("x\ndecisions: none\r\t", "x\\ndecisions: none\\r\\t"),
        ("\x1b[2J\x9b\x85\u2028\u202e", "\\x1b[2J\\x9b\\x85\\u2028\\u202e"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown and len(shown.splitlines()) == 1
    assert printable(shown) == shown


def test_every_text_of_a_value_is_escaped_and_nothing_else_changes() -> None:
    value = {"a\n": ["b\n", {"c": "d\r", "e": 1.5, "f": None}], "g": True}
    assert printable_all(value) == {"a\\n": ["b\\n", {"c": "d\\r", "e": 1.5, "f": None}], "g": True}
    assert value["g"] is True and "a\n" in value
