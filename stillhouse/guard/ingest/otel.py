"""OpenTelemetry GenAI spans, from whoever instruments the calls: a gateway, a client library, a collector in between.

Names are those of the GenAI semantic conventions (open-telemetry/semantic-conventions-genai, docs/gen-ai) and the
earlier ones that they replaced. Words are opt-in there; where a span has none, the exchange says that they are
withheld.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.fields import Fields, View
from stillhouse.guard.ingest.json_text import decode_nested
from stillhouse.guard.ingest.otel_messages import chat_choices, chat_messages, chat_tools
from stillhouse.guard.ingest.otel_spans import Span, spans_of
from stillhouse.guard.ingest.outcome import Fault, Outcome, PassedOver
from stillhouse.guard.ingest.rows import Row
from stillhouse.guard.ingest.times import epoch_ms
from stillhouse.guard.ingest.withheld import withheld_request, withheld_response
from stillhouse.records.times import rfc3339
from stillhouse.types import Api, Exchange

__all__ = ["FIELDS", "read"]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "account": (
        "enduser.id",
        "user.id",
        "enduser.pseudo.id",
        "metadata.user_api_key_user_id",
        "metadata.user_api_key_hash",
    ),
    "organisation": ("tenant.id", "metadata.user_api_key_org_id", "metadata.user_api_key_team_id"),
    "key": ("metadata.user_api_key_hash",),
    "model": ("gen_ai.request.model", "gen_ai.response.model"),
    "session": ("gen_ai.conversation.id", "session.id"),
    "ip": ("client.address",),
    "user_agent": ("user_agent.original",),
    "status": ("http.response.status_code", "http.status_code"),
    "error": ("error.type",),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    "cached_input_tokens": ("gen_ai.usage.cache_read.input_tokens",),
}

_OPERATIONS: Final[dict[str, Api]] = {
    "chat": "chat.completions",
    "generate_content": "chat.completions",
    "text_completion": "completions",
    "embeddings": "embeddings",
}
_PARAMETERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "stop": "gen_ai.request.stop_sequences",
    "stream": "gen_ai.request.stream",
    "reasoning_effort": "gen_ai.request.reasoning.level",
    "previous_response_id": "gen_ai.request.previous_response.id",
}


def read(rows: Iterable[Row | Fault], changes: Mapping[str, str]) -> Iterator[Outcome]:
    """One exchange for each span of a model call; other spans, metrics and logs are passed over."""
    fields = Fields(FIELDS, changes)
    for row in rows:
        if isinstance(row, Fault):
            yield row
            continue
        spans = spans_of(row.value) if isinstance(row.value, dict) else None
        if spans is None:
            yield PassedOver("a line without spans")
            continue
        for span in spans:
            try:
                yield _exchange(span, fields.view(row.place, span.attributes, span.resource))
            except RecordError as error:
                yield Fault(row.place, str(error).removeprefix(f"{row.place}: "), orjson.dumps(span.written).decode())


def _exchange(span: Span, view: View) -> Exchange | PassedOver:
    if not any(name.startswith("gen_ai.") for name in span.attributes):
        return PassedOver("a span that is no model call")
    operation = span.attributes.get("gen_ai.operation.name")
    if operation is None and view.text("model") is not None:
        operation = "chat"  # conventions before 1.29 did not name it
    if not isinstance(operation, str) or operation not in _OPERATIONS:
        return PassedOver(f"operation {str(operation)[:40]}")
    api = _OPERATIONS[operation]
    place, model = view.place, view.need("model", "a call without a model is none")
    start, end = epoch_ms(span.start), epoch_ms(span.end)
    if start is None:
        shown = str(span.start)[:40]
        raise RecordError(f"{place}: the span's start time is {shown!r}; it must be ns since 1970 or ISO 8601")
    status = _status(span, view)
    reasons = span.attributes.get("gen_ai.response.finish_reasons")
    reasons = [reason for reason in reasons if isinstance(reason, str)] if isinstance(reasons, list) else []
    try:
        request = _request(api, model, span.attributes)
        response = None if status >= 400 else _response(api, span.attributes, reasons)
    except ValueError as error:
        raise RecordError(f"{place}: {error}") from None
    return Exchange(
        id=_id(span, place),
        time=rfc3339(start),
        account=view.need("account", "name the attribute that says whose call it is with --account"),
        organisation=view.text("organisation"),
        key=view.text("key"),
        model=model,
        api=api,
        request=request,
        response=response,
        usage=view.counted("input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens"),
        client=view.gathered("ip", "user_agent"),
        status=status,
        latency_ms=_latency(span, start, end),
        extra={"source": "otel", **view.gathered("session")},
    )


def _request(api: Api, model: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    known = {ours: attributes[theirs] for ours, theirs in _PARAMETERS.items() if attributes.get(theirs) is not None}
    if attributes.get("gen_ai.tool.definitions") is not None:
        known["tools"] = chat_tools(decode_nested(attributes["gen_ai.tool.definitions"]))
    asked = decode_nested(attributes.get("gen_ai.input.messages"))
    if asked is None:
        return withheld_request(api, model, known)
    messages = chat_messages(_instructions(attributes), asked)
    if api == "chat.completions":
        return {"model": model, "messages": messages, **known}
    texts = [message.get("content") for message in messages]
    name = "prompt" if api == "completions" else "input"
    return {"model": model, name: texts[0] if len(texts) == 1 else texts, **known}


def _instructions(attributes: Mapping[str, Any]) -> Any:
    """Parts, as JSON or as values; a plain text is taken as the words themselves."""
    written = attributes.get("gen_ai.system_instructions")
    if isinstance(written, str) and not written.lstrip().startswith("["):
        return written or None
    return decode_nested(written)


def _response(api: Api, attributes: Mapping[str, Any], reasons: list[str]) -> dict[str, Any]:
    told = {"id": attributes.get("gen_ai.response.id"), "model": attributes.get("gen_ai.response.model")}
    body = {name: value for name, value in told.items() if isinstance(value, str)}
    said = decode_nested(attributes.get("gen_ai.output.messages"))
    if said is None or api == "embeddings":
        return {**body, **withheld_response(api, reasons or (None,))}
    choices = chat_choices(said, reasons)
    if api == "completions":
        choices = [
            {"index": one["index"], "text": one["message"].get("content"), "finish_reason": one["finish_reason"]}
            for one in choices
        ]
    return {**body, "choices": choices}


def _status(span: Span, view: View) -> int:
    """What HTTP said where the span knows it; else 500 for a span that failed, unless its error is a status itself."""
    told = view.count("status")
    if told is not None:
        return told
    error = view.text("error")
    if error is not None and error.isascii() and error.isdecimal() and len(error) == 3:
        return int(error)
    return 500 if span.failed or error is not None else 200


def _id(span: Span, place: str) -> str:
    names = [name.removeprefix("0x") if isinstance(name, str) else "" for name in (span.trace, span.span)]
    if not all(names):
        raise RecordError(f"{place}: the span has no trace id and span id; they are what names it")
    return "-".join(names)


def _latency(span: Span, start: int, end: int | None) -> float | None:
    """To the microsecond where the span has nanoseconds."""
    if end is None:
        return None
    begun, ended = _nanoseconds(span.start), _nanoseconds(span.end)
    if begun is not None and ended is not None and begun <= ended:
        return round((ended - begun) / 1e6, 3)
    return float(end - start) if end >= start else None


def _nanoseconds(value: Any) -> int | None:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
    return number if isinstance(number, int) and number >= 10**17 else None
