"""Envoy AI Gateway: JSON access logs with `gen_ai.*` fields.

The names of the fields are whatever the operator wrote into the access log's format. The defaults here are those of
the documentation (site/docs/capabilities/observability/accesslogs.md and examples/access-log at commit c217da8). An
access log holds no words, so every exchange says that they are withheld; and nothing in the documented format says
whose request it was: log a header or a claim for that.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast, get_args

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.fields import Fields, View
from stillhouse.guard.ingest.outcome import Fault, Outcome, PassedOver
from stillhouse.guard.ingest.rows import Row
from stillhouse.guard.ingest.withheld import withheld_request, withheld_response
from stillhouse.records.times import rfc3339
from stillhouse.types import Api, Exchange

__all__ = ["FIELDS", "read"]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "request_id": ("x-request-id",),
    "time": ("start_time",),
    "account": ("user.id", "enduser.id", "x-user-id", "tenant.id", "x-tenant-id"),
    "organisation": ("tenant.id", "x-tenant-id"),
    "key": (),
    "model": ("gen_ai.request.model", "gen_ai.response.model"),
    "api": (),
    "path": ("x-envoy-origin-path", "x-envoy-original-path", "request.path", "path", ":path"),
    "status": ("response_code",),
    "latency_ms": ("duration",),
    "ip": ("downstream_remote_address", "x-forwarded-for"),
    "user_agent": ("user-agent", "user_agent"),
    "session": ("session.id",),
    "input_tokens": ("gen_ai.usage.input_tokens",),
    "output_tokens": ("gen_ai.usage.output_tokens",),
    "reasoning_tokens": ("gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
    "cached_input_tokens": ("gen_ai.usage.cached_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
}

_REMEDY = (
    "add a field to the access log that says whose request it is, such as user.id: '%REQ(X-USER-ID)%', "
    "and name it with --account"
)
_ENDS: tuple[tuple[str, Api], ...] = (
    ("/chat/completions", "chat.completions"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    ("/completions", "completions"),
    ("/embeddings", "embeddings"),
)


def read(rows: Iterable[Row | Fault], changes: Mapping[str, str]) -> Iterator[Outcome]:
    """One exchange a line. Lines that are no JSON object (Envoy's own log) and requests to no model are passed over."""
    fields = Fields(FIELDS, changes)
    for row in rows:
        if isinstance(row, Fault):
            yield row if row.line.startswith("{") else PassedOver("a line that is no JSON object")
            continue
        try:
            if not isinstance(row.value, dict):
                yield PassedOver("a line that is no JSON object")
            else:
                yield _exchange(row.value, fields.view(row.place, row.value, absent=("", "-")))
        except RecordError as error:
            yield row.fault(str(error))


def _exchange(value: dict[str, Any], view: View) -> Exchange | PassedOver:
    model = view.text("model")
    if model is None:
        return PassedOver("a request to no model")
    api = _api(view)
    if api is None:
        return PassedOver("a path of none of the known APIs")
    status = view.count("status")
    latency = view.count("latency_ms")
    return Exchange(
        # The client may choose the request id, so the whole line is what names the exchange.
        id=f"envoy-{hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()}",
        time=rfc3339(view.need_ms("time")),
        account=view.need("account", _REMEDY),
        organisation=view.text("organisation"),
        key=view.text("key"),
        model=model,
        api=api,
        request=withheld_request(api, model, {}),
        response=withheld_response(api) if status is None or 200 <= status < 400 else None,
        usage=view.counted("input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens"),
        client=_client(view),
        status=200 if status is None else status,
        latency_ms=None if latency is None else float(latency),
        extra={"source": "envoy", **view.gathered("request_id", "session")},
    )


def _api(view: View) -> Api | None:
    given = view.text("api")
    if given is not None:
        if given not in get_args(Api):
            raise RecordError(f"{view.place}: field 'api' is {given!r}; it must be one of {', '.join(get_args(Api))}")
        return cast(Api, given)
    path = (view.text("path") or "").partition("?")[0].rstrip("/")
    return next((api for end, api in _ENDS if path.endswith(end)), None)


def _client(view: View) -> dict[str, str]:
    found = view.gathered("ip", "user_agent")
    if "ip" in found:
        found["ip"] = _address(found["ip"])
    return found


def _address(text: str) -> str:
    """The last address of a list, which the nearest proxy saw itself; without its port."""
    last = text.rpartition(",")[2].strip()
    if last.startswith("["):
        return last[1:].partition("]")[0]
    host, colon, port = last.rpartition(":")
    return host if colon and port.isdecimal() and ":" not in host else last
