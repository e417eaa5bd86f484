"""What is decoded can be written again; everything else is refused in a few words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.guard.ingest.json_text import decode, decode_nested

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@settings(max_examples=40)
@given(VALUES)
def test_what_is_json_comes_back(value: Any) -> None:
    text = json.dumps(value)
    assert decode(text) == decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        "{",
        '{"a":1}x',
        "",
        "\ufeff{}",
        "[" * 300 + "]" * 300,
        "[" * 5000 + "]" * 5000,
    ],
)
def test_what_cannot_be_written_again_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not JSON \(.*, column \d+\)|JSON nested more than 200 levels deep)$"):
        decode(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        decode(b'"\xff"')


def test_many_brackets_are_not_many_levels() -> None:
    assert len(decode("[" + ",".join(["{}"] * 500) + "]")) == 500
    assert decode("[" * 200 + "]" * 200)


def test_huge_numbers_come_back_as_floats() -> None:
    assert decode("123456789012345678901234567890") == 1.2345678901234568e29


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        (json.dumps('{"a": 1}'), {"a": 1}),
        (json.dumps(json.dumps('{"a": 1}')), '{"a": 1}'),
        ("", None),
        (" ", None),
        (None, None),
        (7, 7),
    ],
)
def test_json_as_text_is_opened_up_to_twice(written: Any, value: Any) -> None:
    assert decode_nested(written) == value


def test_broken_json_as_text_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        decode_nested('{"a": ')
