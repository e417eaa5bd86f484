"""LiteLLM's spend log: the rows of its table LiteLLM_SpendLogs, as JSON, as JSON Lines or as a CSV export.

Read in litellm 1.109.1 (litellm/proxy/schema.prisma, litellm/proxy/spend_tracking/spend_tracking_utils.py). The table
keeps words only with `store_prompts_in_spend_logs`, and then in `proxy_server_request`, cut where one text is long.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.fields import Fields
from stillhouse.guard.ingest.json_text import decode_nested
from stillhouse.guard.ingest.litellm_payload import (
    CALL_TYPES,
    exchange_of_payload,
    failure_status,
    is_redacted,
    request_of,
    response_of,
    without_words,
)
from stillhouse.guard.ingest.litellm_payload import FIELDS as PAYLOAD_FIELDS
from stillhouse.guard.ingest.outcome import Fault, Outcome, PassedOver
from stillhouse.guard.ingest.rows import Row
from stillhouse.guard.ingest.withheld import withheld_request
from stillhouse.models.wire.openai import counted
from stillhouse.records.times import rfc3339
from stillhouse.types import Exchange

__all__ = ["FIELDS", "read"]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("request_id",),
    "call": ("litellm_call_id", "metadata.litellm_call_id"),
    "time": ("startTime",),
    "end": ("endTime",),
    "account": ("user", "metadata.user_api_key_user_id", "api_key"),
    "organisation": ("organization_id", "team_id"),
    "key": ("api_key",),
    "model": ("model_group", "model"),
    "ip": ("requester_ip_address", "metadata.requester_ip_address"),
    "user_agent": ("metadata.user_agent",),
    "end_user": ("end_user",),
    "session": ("session_id",),
    "input_tokens": ("prompt_tokens",),
    "output_tokens": ("completion_tokens",),
    "duration": ("request_duration_ms",),
}

_JSON_COLUMNS = ("metadata", "messages", "response", "proxy_server_request")
_CUT = "litellm_truncated"
# What LiteLLM puts beside the client's own fields before it stores the body.
_NOT_THE_CLIENTS = (
    "metadata",
    "litellm_metadata",
    "litellm_call_id",
    "litellm_trace_id",
    "proxy_server_request",
    "model",
)
_WORDS = ("messages", "prompt", "input")


def read(rows: Iterable[Row | Fault], changes: Mapping[str, str]) -> Iterator[Outcome]:
    """Rows of the table, and StandardLoggingPayloads (`litellm_payload`) among them or instead.

    `changes`: our fields to other places (`Fields`). ConfigError where a name is unknown to both forms.
    """
    spend = Fields(FIELDS, changes)
    payload = Fields(PAYLOAD_FIELDS, {ours: theirs for ours, theirs in changes.items() if ours in PAYLOAD_FIELDS})
    for row in rows:
        if isinstance(row, Fault):
            yield row
            continue
        try:
            if not isinstance(row.value, dict):
                raise RecordError(f"{row.place}: holds a {type(row.value).__name__}; a row is a JSON object")
            if "request_id" in row.value or "startTime" not in row.value:
                yield _exchange(row, spend)
            else:
                yield exchange_of_payload(row.value, row.place, payload)
        except RecordError as error:
            yield row.fault(str(error))


def _exchange(row: Row, fields: Fields) -> Exchange | PassedOver:
    values: dict[str, Any] = dict(row.value)
    for column in _JSON_COLUMNS:
        try:
            values[column] = decode_nested(values.get(column))
        except ValueError as error:
            raise RecordError(f"{row.place}: column '{column}' is {error}") from None
    call_type = values.get("call_type")
    api = CALL_TYPES.get(call_type) if isinstance(call_type, str) else None
    if api is None and call_type:
        return PassedOver(f"call type {str(call_type)[:40]}")
    view = fields.view(row.place, values)
    if api is None:
        raise RecordError(f"{row.place}: no call_type; give an export of LiteLLM_SpendLogs with all its columns")
    start, end = view.need_ms("time"), view.ms("end")
    model = view.need("model", "a call without a model is none")
    metadata = values["metadata"] if isinstance(values["metadata"], Mapping) else {}
    failed = "failure" in (values.get("status"), metadata.get("status"))
    body, asked, answer = values["proxy_server_request"], values["messages"], values["response"]
    if isinstance(body, Mapping) and body:
        own = {name: value for name, value in body.items() if name not in _NOT_THE_CLIENTS}
        if is_redacted(own.get("messages")):
            kept = {name: value for name, value in own.items() if name not in _WORDS}
            request = withheld_request(api, model, without_words(kept))
            answer = without_words(answer)
        else:
            request = {"model": model, **own}
    else:
        request = request_of(api, model, asked if isinstance(asked, list) else None, {})
    cut = any(isinstance(text, str) and _CUT in text for text in row.value.values()) or (
        row.raw is not None and _CUT.encode() in row.raw
    )
    duration = view.count("duration")
    return Exchange(
        id=view.need("id", "every row of the table has one"),
        time=rfc3339(start),
        account=view.need("account", "name the column that says whose request it is with --account"),
        organisation=view.text("organisation"),
        key=view.text("key"),
        model=model,
        api=api,
        request=request,
        response=None if failed else response_of(api, answer),
        usage={**view.counted("input_tokens", "output_tokens"), **counted({"usage": metadata.get("usage_object")})},
        client=view.gathered("ip", "user_agent", "end_user"),
        status=failure_status(metadata.get("error_information")) if failed else 200,
        latency_ms=float(duration) if duration is not None else _between(start, end),
        extra={"source": "litellm", **view.gathered("call", "session"), **({"truncated": True} if cut else {})},
    )


def _between(start: int, end: int | None) -> float | None:
    return float(end - start) if end is not None and end >= start else None
