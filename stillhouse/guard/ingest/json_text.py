"""JSON of strangers, read strictly: whatever comes back can be written again as a line of ours.

The standard decoder lets NaN, half surrogate pairs and any depth through, and each of them fails only when the
exchange is written, far from the place that could be named.
"""

from typing import Any

import orjson

from stillhouse.guard.depth import nests_deeper

__all__ = ["decode", "decode_nested"]

_DEEPEST = 200


def decode(text: bytes | str) -> Any:
    """The value of one JSON text. ValueError says in a few words what is wrong and holds nothing of the content.

    Whole numbers beyond 64 bits come back as floats.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, column {error.colno})") from None
    if nests_deeper(text, value, _DEEPEST):
        raise ValueError(f"JSON nested more than {_DEEPEST} levels deep")
    return value


def decode_nested(value: Any) -> Any:
    """`value`, or what it holds where it is JSON as text, up to twice: databases and spans keep bodies like that.

    ValueError as `decode`; an empty text is None.
    """
    for _ in range(2):
        if not isinstance(value, str):
            break
        value = decode(value) if value.strip() else None
    return value
