"""JSON that orjson refuses and clients read."""

import orjson
import pytest

from stillhouse.guard.wire.odd_json import DEEPEST, mended, read_json, too_deep, write_json


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'"\\ud83d"', "\ud83d"),
        (b"[" * DEEPEST + b"]" * DEEPEST, None),
    ],
)
def test_read(data: bytes, expected: object) -> None:
    assert read_json(data) == (orjson.loads(data) if expected is None else expected)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff",
        b"[" * 241 + b"]" * 241,
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 300 + b"NaN" + b"}" * 300,
    ],
)
def test_what_is_no_json_or_too_deep(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(data)


def test_many_brackets_are_not_deep() -> None:
    data = b"[" + b"{}," * 500 + b"{}]"
    assert not too_deep(data, orjson.loads(data))
    text = orjson.dumps("[" * 1000)
    assert not too_deep(text, orjson.loads(text))


def test_what_is_deep_enough_to_be_read_can_be_written() -> None:
    value = read_json(b"[" * DEEPEST + b"]" * DEEPEST)
    assert orjson.dumps(value) == write_json(value)
    assert write_json("\ud83d") == b'"\\ud83d"'


def test_halves_of_characters_are_mended() -> None:
    assert mended({"a": "\ud83d" + "\ude00", "b": ["x\ude00", 1.5]}) == {"a": "\U0001f600", "b": ["x\ufffd", 1.5]}


def test_numbers_that_no_float_holds_are_read_as_orjson_reads_numbers() -> None:
    odd = b'{"a": NaN, "long": ' + b"9" * 400 + b', "wide": 123456789012345678901, "whole": 18446744073709551615}'
    assert read_json(odd) == {"a": None, "long": None, "wide": 1.2345678901234568e20, "whole": 2**64 - 1}
    assert orjson.loads(write_json(read_json(odd)))["whole"] == 2**64 - 1
