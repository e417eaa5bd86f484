"""JSON as clients read it, which is more than orjson does: halves of characters, NaN, Infinity.

A server that cuts its text at tokens may send one half of an emoji in one event and the other half in the next, each as
an escape. Clients read that, so we must; it is slower and only the second try. What nests so deep that it could not be
written again is not read at all.
"""

import json
from math import isfinite
from typing import Any

import orjson

from stillhouse.guard.depth import nests_deeper

__all__ = ["DEEPEST", "mended", "read_json", "read_odd", "too_deep", "write_json"]

DEEPEST = 240
"""Levels of nesting; orjson writes 254."""


def read_json(data: bytes) -> Any:
    """The value. ValueError where it is no JSON or too deep."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return read_odd(data)
    if too_deep(data, value):
        raise ValueError("too deep")
    return value


def read_odd(data: bytes) -> Any:
    """What orjson refused: halves of characters stay in its strings, what is no number is null. ValueError as above."""
    try:
        value = _loads(data)
    except RecursionError:
        raise ValueError("too deep") from None
    if too_deep(data, value):
        raise ValueError("too deep")
    return value


def too_deep(data: bytes, value: Any) -> bool:
    """Whether `value`, read from `data`, nests deeper than `DEEPEST`. Only data that could is walked."""
    return len(data) > 2 * DEEPEST and nests_deeper(data, value, DEEPEST)


def write_json(value: Any) -> bytes:
    """As orjson writes it; where there are halves of characters, as the standard library does."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()


def mended(value: Any) -> Any:
    """A value with halves of characters: those that stand together are made whole, lone ones U+FFFD."""
    text = json.dumps(value, ensure_ascii=False)
    return _loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _loads(text: str | bytes) -> Any:
    return json.loads(text, parse_constant=lambda _: None, parse_int=_number, parse_float=_number)


def _number(text: str) -> int | float | None:
    """As orjson reads it: an integer of more than 64 bits is a float. What is larger than any float is null."""
    if text.lstrip("-").isdigit() and len(text) <= 20 and -(2**63) <= (whole := int(text)) < 2**64:
        return whole
    value = float(text)
    return value if isfinite(value) else None
