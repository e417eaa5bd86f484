"""JSON that was cut off, against the reader in Anthropic's library."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jiter import from_json

from stillhouse.guard.wire.partial_json import read_cut_off
from tests.guard.wire.feeding import many

values = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "b", "c": "d', {"a": "b"}),
        ('{"a": "b", "c"', {"a": "b"}),
        ('{"a": "b", "c":', {"a": "b"}),
        ('{"a": "b",', {"a": "b"}),
        ('{"a": "b"', {"a": "b"}),
        ('{"a": [1, 2, {"b": tr', {"a": [1, 2, {}]}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ('{"a": "x\\', {}),
        ('{"a": "}"}', {"a": "}"}),
        ("{", {}),
    ],
)
def test_what_is_unfinished_is_left_out(text: str, expected: Any) -> None:
    assert read_cut_off(text) == expected


@many
@given(st.dictionaries(st.text(max_size=3), values, min_size=1, max_size=4), st.integers(1, 400))
def test_as_anthropics_library_reads_it(value: dict[str, Any], length: int) -> None:
    text = orjson.dumps(value).decode()[:length]
    assert read_cut_off(text) == from_json(text.encode(), partial_mode=True)


@pytest.mark.parametrize("text", ["", "}", '{"a": ]', '{"a" "b", "c": 1', "[" * 3000, "nonsense"])
def test_what_is_no_json_is_said(text: str) -> None:
    with pytest.raises(ValueError):
        read_cut_off(text)


@many
@given(st.text(alphabet='{}[]",:\\a1 ', max_size=30))
def test_any_text_gives_a_value_or_a_value_error(text: str) -> None:
    value = None
    with suppress(ValueError):
        value = read_cut_off(text)
    assert orjson.loads(orjson.dumps(value)) == value
