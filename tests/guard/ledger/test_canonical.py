"""Against the tables and the example of RFC 8785."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.canonical import canonical_json, parse_canonical

# RFC 8785, appendix B: the bits of a double, its text.
NUMBERS = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("line", NUMBERS.split("\n")[1:-1])
def test_numbers_of_the_standard(line: str) -> None:
    bits, text = line.split()
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(value).decode() == text
    assert parse_canonical(text.encode()) == value


def test_keys_are_in_the_order_of_the_standard_s_example() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonical_json(dict.fromkeys(keys, 0)).decode()
    assert list(json.loads(text)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_escaped_as_little_as_possible() -> None:
    assert canonical_json('\u20ac$\x0f\nA\'B"\\\\"/\x7f') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'.encode()


@given(VALUES)
def test_a_value_comes_back_and_has_one_text(value: Any) -> None:
    data = canonical_json(value)
    assert parse_canonical(data) == value
    assert canonical_json(parse_canonical(data)) == data


def test_tuples_are_lists() -> None:
    assert canonical_json({"b": (1, 2), "a": True}) == b'{"a":true,"b":[1,2]}'


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"a": [0, math.nan]}, r"^\.a\[1\] is nan, which is no JSON"),
        ({"a": -math.inf}, r"^\.a is -inf"),
        ({"a": 2**53}, r"^\.a is 9007199254740992, more than a double holds exactly; give it as text$"),
        ({"a": {1: 2}}, r"^\.a has the key 1; keys are text"),
        ({"a": b"x"}, r"^\.a is a bytes, which JSON does not have"),
        ({"a": "\ud800"}, r"half of a surrogate pair"),
        ({"\ud800": 1}, r"half of a surrogate pair"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any, fault: str) -> None:
    with pytest.raises(RecordError, match=fault):
        canonical_json(value)


def test_nesting_without_end_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(RecordError, match="nested deeper than 32 levels"):
        canonical_json(value)
    with pytest.raises(RecordError):
        parse_canonical(b"[" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1, "b":2}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b"1.0",
        b"-0",
        b"1e3",
        b'"\\u0041"',
        b"NaN",
        b"9" * 400,
        b"9" * 5000,
        b"9007199254740993",
        b'"\xff"',
        b'"\\ud800"',
        b"",
        b"[1]\n",
    ],
)
def test_other_bytes_are_no_canonical_json(data: bytes) -> None:
    with pytest.raises(RecordError, match=r"not JSON in UTF-8|not in its canonical form|no JSON|surrogate"):
        parse_canonical(data)
