"""One value, one text: JSON in the canonical form of RFC 8785, so that what is hashed can be made again from its value.

Keys in the order of their UTF-16 units, no spaces, numbers as ECMAScript prints them. What another reader would
understand otherwise is refused instead of written: NaN, infinity, whole numbers that a double cannot hold, half of a
surrogate pair.
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from stillhouse.errors import RecordError

__all__ = ["canonical_json", "parse_canonical"]

_LARGEST = 2**53 - 1
_DEEPEST = 32


def canonical_json(value: Any) -> bytes:
    """`value` (None, bool, int, float, str, list or tuple, mapping with text keys) as RFC 8785 text in UTF-8.

    RecordError names the place (`.details.score`) of what has no such form.
    """
    try:
        return _text(value, "", 0).encode()
    except UnicodeEncodeError as error:
        raise RecordError(
            f"text {error.object!r} holds half of a surrogate pair; give text that UTF-8 can hold"
        ) from None


def parse_canonical(data: bytes) -> Any:
    """The value that `canonical_json` made `data` from; RecordError for every other sequence of bytes."""
    try:
        value = json.loads(data.decode(), parse_int=_integer)
    except (ValueError, OverflowError, RecursionError) as error:
        raise RecordError(f"not JSON in UTF-8 ({' '.join(str(error).split())})") from None
    if canonical_json(value) != data:
        raise RecordError("JSON, but not in its canonical form (RFC 8785)")
    return value


def _integer(digits: str) -> int | float:
    """As RFC 8785 has it, all numbers are doubles: 1e20 is written with its digits and must come back."""
    value = int(digits)
    return value if abs(value) <= _LARGEST else float(value)


def _text(value: Any, place: str, depth: int) -> str:
    if depth > _DEEPEST:
        raise RecordError(f"{place}: nested deeper than {_DEEPEST} levels; make it flatter")
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise RecordError(f"{place or 'value'} is {value}, more than a double holds exactly; give it as text")
        return str(value)
    if isinstance(value, float):
        return _number(value, place)
    if isinstance(value, Mapping):
        pairs = []
        for key in _sorted_keys(value, place):
            pairs.append(f"{encode_basestring(key)}:{_text(value[key], f'{place}.{key}', depth + 1)}")
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)) + "]"
    raise RecordError(f"{place or 'value'} is a {type(value).__name__}, which JSON does not have; give text or numbers")


def _sorted_keys(value: Mapping[Any, Any], place: str) -> list[str]:
    for key in value:
        if not isinstance(key, str):
            raise RecordError(f"{place or 'value'} has the key {key!r}; keys are text in JSON")
    if all(key.isascii() for key in value):
        return sorted(value)
    return sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _number(value: float, place: str) -> str:
    """Number::toString of ECMAScript (RFC 8785, section 3.2.2.3); Python finds the same shortest digits."""
    if not math.isfinite(value):
        raise RecordError(f"{place or 'value'} is {value}, which is no JSON; leave it out, or give it as text")
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    if digits == (0,):
        return "0"
    text, minus = "".join(map(str, digits)), "-" if sign else ""
    point = len(text) + exponent  # where the decimal point stands, counted from the first digit
    if len(text) <= point <= 21:
        return minus + text + "0" * (point - len(text))
    if 0 < point <= 21:
        return f"{minus}{text[:point]}.{text[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    rest = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
