"""The body of an unstreamed answer: read once, and as the log may keep it."""

from collections.abc import Mapping
from typing import Any

import orjson

from stillhouse.guard.wire.odd_json import DEEPEST, too_deep

__all__ = ["for_the_log", "json_object"]


def json_object(body: bytes) -> dict[str, Any] | None:
    """The object in `body`; None where it is none, or nests deeper than can be written again."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and not too_deep(body, value) else None


def for_the_log(body: bytes, value: Mapping[str, Any]) -> bytes:
    """What the log gets of `body`, whose reading is `value`.

    Of a name that stands twice only the last value was looked at, and another one may nest without end. So a body goes
    in as it came only where it has too few brackets for that.
    """
    return body if body.count(b"{") + body.count(b"[") <= DEEPEST else orjson.dumps(value)
