"""JSON that was cut off: a tool's input whose answer reached its limit, or whose connection broke.

What is unfinished at the end is left out, as Anthropic's own library does, so that a log tells of the same input.
"""

import re
from collections import deque
from typing import Any

import orjson

__all__ = ["read_cut_off"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]|[^{}\[\],"]+|"', re.DOTALL)
_DEEPEST = 250
_CLOSES = {"{": "}", "[": "]"}


def read_cut_off(text: str) -> Any:
    """The value of `text` up to where it was cut. ValueError where it is no JSON even so far."""
    open_: list[str] = []
    places: deque[tuple[int, str]] = deque(maxlen=2)  # (length, what closes it): where the text could end well
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in _CLOSES:
            open_.append(_CLOSES[mark])
            if len(open_) > _DEEPEST:
                raise ValueError("too deep")
            places.append((token.end(), "".join(reversed(open_))))
        elif mark in "}]":
            if not open_ or open_.pop() != mark:
                raise ValueError("brackets do not match")
        elif mark == ",":
            places.append((token.start(), "".join(reversed(open_))))
        elif mark == '"':
            break
    else:
        if not open_:
            places.clear()  # nothing is missing at its end, so it is JSON as it is, or none
        places.append((len(text), "".join(reversed(open_))))
    for end, closing in reversed(places):
        try:
            return orjson.loads(text[:end] + closing)
        except orjson.JSONDecodeError:
            pass
    raise ValueError("not JSON")
