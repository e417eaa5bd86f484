"""What a judge said, read: the one place where text becomes a judgement.

An endpoint may not honour a schema, and then writes the object into prose or a code fence; that is taken. What is not
there is never made up: a score out of range, a criterion left out or two objects that differ are unreadable.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

__all__ = ["Unreadable", "choice", "integer", "object_in", "ranking", "words"]

_START = re.compile(r'\{\s*["}]')
_NUMERAL = re.compile(r"[+-]?\d{1,9}")


class Unreadable(ValueError):
    """The text is no judgement of the form that was asked for; the message says why."""


def object_in(text: str) -> Mapping[str, Any]:
    """The one JSON object in `text`, with prose or a code fence around it. A repetition of it counts as the same.

    Raises Unreadable where there is none, where one is cut off or malformed, or where several differ.
    """
    found: list[dict[str, Any]] = []
    position = 0
    while start := _START.search(text, position):
        try:
            value, position = _DECODER.raw_decode(text, start.start())
        except Unreadable:
            raise
        except ValueError:  # malformed, or a number of thousands of digits
            raise Unreadable("its JSON is unfinished or malformed") from None
        except RecursionError:
            raise Unreadable("its JSON is nested too deeply") from None
        if value not in found:
            found.append(value)
    if not found:
        raise Unreadable("no JSON object in it" if text.strip() else "it is empty")
    if len(found) > 1:
        raise Unreadable(f"{len(found)} different JSON objects in it")
    return found[0]


def integer(said: Mapping[str, Any], key: str, lowest: int, highest: int) -> int:
    """The whole number at `key`: 4, 4.0 or "4". Unreadable if absent, of another form or out of range."""
    value = _at(said, key)
    if isinstance(value, str) and _NUMERAL.fullmatch(value.strip()):
        value = int(value)
    whole = value.is_integer() if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)
    if not whole:
        raise Unreadable(f"'{key}' is {_short(value)}, not a whole number")
    if not lowest <= value <= highest:
        raise Unreadable(f"'{key}' is {_short(value)}, outside {lowest} to {highest}")
    return int(value)


def choice(said: Mapping[str, Any], key: str, options: Sequence[str]) -> str:
    """The option at `key`, without regard to case, white space around it or a full stop after it."""
    value = _at(said, key)
    for option in options:
        if isinstance(value, str) and value.strip().removesuffix(".").casefold() == option.casefold():
            return option
    raise Unreadable(f"'{key}' is {_short(value)}, not one of {', '.join(options)}")


def ranking(said: Mapping[str, Any], key: str, labels: Sequence[str]) -> list[str]:
    """The labels at `key`, best first: "B > A > C", "B, A, C" or a list. Each label must occur exactly once."""
    value = _at(said, key)
    parts = re.split(r"[>,\s]+", value.strip()) if isinstance(value, str) else value
    given = [part.strip().upper() for part in parts if isinstance(part, str)] if isinstance(parts, list) else []
    if sorted(given) != sorted(labels):
        raise Unreadable(f"'{key}' is {_short(value)}, not an order of {', '.join(labels)}")
    return given


def words(said: Mapping[str, Any], key: str) -> str:
    """The text at `key`, empty where there is none: a reason is welcome, but a judgement stands without it."""
    value = said.get(key)
    return value.strip() if isinstance(value, str) else ""


def _at(said: Mapping[str, Any], key: str) -> Any:
    if key not in said:
        raise Unreadable(f"'{key}' is not in it")
    return said[key]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys occur once: which of two scores was meant cannot be known."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise Unreadable(f"'{key}' is in it twice")
        made[key] = value
    return made


def _no_number(name: str) -> NoReturn:
    raise Unreadable(f"{name} is in it, which is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
