"""Values cut out of lines, arrays and pretty-printed objects, at every place where a read may end."""

import io
import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.guard.ingest import json_values as module
from stillhouse.guard.ingest.json_values import json_lines, json_values

TEXTS = st.text(st.sampled_from('ab"\\{}[],:\n é🍀'), max_size=12)
OBJECTS = st.dictionaries(
    TEXTS, st.recursive(TEXTS | st.integers(), lambda b: st.lists(b, max_size=3), max_leaves=4), max_size=3
)


def cut(text: str | bytes, chunk: int = 1 << 18) -> list[tuple[int, bytes, str | None]]:
    data = text.encode() if isinstance(text, str) else text
    with patch.object(module, "_CHUNK", chunk):
        return list(json_values(io.BufferedReader(io.BytesIO(data))))


@settings(max_examples=50)
@given(st.lists(OBJECTS, max_size=5), st.integers(1, 9), st.sampled_from([None, 2]), st.booleans(), st.booleans())
def test_objects_come_back_whole(
    objects: list[dict[str, Any]], chunk: int, indent: int | None, in_array: bool, escaped: bool
) -> None:
    if in_array:
        text = json.dumps(objects, indent=indent, ensure_ascii=escaped)
    else:
        text = "\n".join(json.dumps(one, indent=indent, ensure_ascii=escaped) for one in objects)
    found = cut(text, chunk)
    assert [(json.loads(raw), reason) for _, raw, reason in found] == [(one, None) for one in objects]
    lines = text.encode().split(b"\n")
    for number, raw, _ in found:
        assert raw.split(b"\n")[0] in lines[number - 1]


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_a_malformed_object_costs_only_itself(chunk: int) -> None:
    text = '[\n {"a": 1},\n {"b": nonsense},\n {"c": ]},\n {"d": 4}\n]\n'
    found = cut(text, chunk)
    assert found[0] == (2, b'{"a": 1}', None)
    assert found[1] == (3, b'{"b": nonsense}', None)  # the decoder says no to it
    assert found[-1] == (5, b'{"d": 4}', None) or found[-1][2] is not None


@pytest.mark.parametrize("chunk", [1, 4, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[1, {"a": 1}, "x"]', [(1, b"1", "stands outside of any object"), (1, b'{"a": 1}', None)]),
        (
            '{"a": 1}\n}\n{"b": 2}',
            [(1, b'{"a": 1}', None), (2, b"}", "a bracket that closes nothing"), (3, b'{"b": 2}', None)],
        ),
        (
            '[{"a": 1},\n{"b": "tail',
            [(1, b'{"a": 1}', None), (2, b'{"b": "tail', "ends before the value is closed (cut off?)")],
        ),
        ('[{"a": 1}]\n[{"b": 2}]', [(1, b'{"a": 1}', None), (2, b'{"b": 2}', None)]),
        ("[]", []),
        ("", []),
    ],
)
def test_what_stands_between_is_named(text: str, expected: list[tuple[int, bytes, str | None]], chunk: int) -> None:
    found = [one for one in cut(text, chunk) if one[1] not in (b'"x"', b"x", b'"')]
    assert found == expected


def test_a_byte_order_mark_is_no_content() -> None:
    assert cut(b'\xef\xbb\xbf[{"a": 1}]') == [(1, b'{"a": 1}', None)]
    lines = json_lines(io.BufferedReader(io.BytesIO(b'\xef\xbb\xbf{"a": 1}\n\n  \n{"b": 2}')))
    assert list(lines) == [(1, b'{"a": 1}', None), (4, b'{"b": 2}', None)]


@pytest.mark.parametrize("reader", [json_lines, json_values])
def test_a_value_larger_than_memory_should_hold_ends_the_reading(reader: Any) -> None:
    with patch.object(module, "LONGEST", 1000), patch.object(module, "_CHUNK", 64):
        data = b'{"a": 1}\n{"b": "' + b"x" * 5000 + b'"}\n{"c": 3}\n'
        found = list(reader(io.BufferedReader(io.BytesIO(data))))
    assert found[0] == (1, b'{"a": 1}', None)
    assert found[1][0] == 2 and found[1][2] == "too long" and len(found) == 2
