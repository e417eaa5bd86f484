"""A draft as one line of the log, at the privacy that is set.

At `full` a body that came as bytes goes into the line as it came: the line costs two microseconds, and what an
upstream saw is what is on record. JSON may have line breaks between its tokens; they become spaces.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.log.draft import Draft
from stillhouse.guard.log.own_keys import without_own_keys
from stillhouse.guard.log.privacy import Privacy
from stillhouse.records.exchange import VERSION

__all__ = ["LineMaker"]

# As names of models in guard.yaml. A client that asks for a model by a sentence has written content.
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,127}")


class LineMaker:
    """Makes lines; not for two threads at once."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._second = -1
        self._stamp = ""

    def line(self, draft: Draft) -> bytes:
        """The line with its newline. RecordError where the draft holds something that JSON has no form for."""
        full = self._privacy.level == "full"
        record: dict[str, Any] = {
            "v": VERSION,
            "id": draft.id,
            "time": self._time(draft.time),
            "account": draft.account,
        }
        if draft.organisation is not None:
            record["organisation"] = draft.organisation
        if draft.key is not None:
            record["key"] = draft.key
        record["model"] = draft.model if full or _MODEL.fullmatch(draft.model) else "unknown"
        record["api"] = draft.api
        record["request"] = _embedded(draft.request) if full else self._reduced(draft.request, draft.model)
        if draft.response is None:
            record["response"] = None
        else:
            record["response"] = _embedded(draft.response) if full else self._reduced(draft.response, draft.model)
        if draft.usage:
            record["usage"] = draft.usage
        if draft.client:
            record["client"] = draft.client
        if draft.registration:
            record["registration"] = draft.registration
        record["status"] = draft.status
        if draft.latency_ms is not None:
            record["latency_ms"] = draft.latency_ms
        if not full:
            record["privacy"] = self._privacy.level
        if draft.extra:
            record |= draft.extra
        return without_own_keys(_dumped(record))

    def _reduced(self, body: bytes | Mapping[str, Any], model: str) -> Mapping[str, Any]:
        if isinstance(body, bytes):
            with suppress(orjson.JSONDecodeError):
                body = orjson.loads(body)
        if isinstance(body, Mapping):
            return self._privacy.body(body, model)
        text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        return {"unreadable": self._privacy.text(text)}

    def _time(self, seconds: float) -> str:
        second, milliseconds = divmod(int(seconds * 1000), 1000)
        if second != self._second:
            self._second = second
            self._stamp = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._stamp}.{milliseconds:03d}Z"


def _embedded(body: bytes | Mapping[str, Any]) -> Any:
    if not isinstance(body, bytes):
        return body
    body = body.strip()
    if body[:1] != b"{" or body[-1:] != b"}":
        return {"unreadable": body.decode(errors="replace")}
    return orjson.Fragment(body.replace(b"\n", b" ") if b"\n" in body else body)


def _dumped(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Half a surrogate pair (from a header or a model), an integer of more than 64 bits, or deep nesting.
        return _dumped_slowly(record)


def _dumped_slowly(record: dict[str, Any]) -> bytes:
    try:
        bodies = {name: _loaded(record[name]) for name in ("request", "response")}
        text = json.dumps(record | bodies, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"exchange {record['id']}: cannot be written as JSON ({error})") from None
    return text.encode("utf-8", "replace") + b"\n"


def _loaded(body: Any) -> Any:
    return json.loads(orjson.dumps(body)) if isinstance(body, orjson.Fragment) else body
