"""LiteLLM's StandardLoggingPayload: what its callbacks get for every call, and what its file and bucket loggers write.

The one place where that payload becomes an exchange; the live logger (`stillhouse.guard.beside.litellm_logger`) asks
here too. Read in litellm 1.109.1, litellm/types/utils.py, and in what a running proxy handed out.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.fields import Fields, View
from stillhouse.guard.ingest.messages_answer import messages_answer
from stillhouse.guard.ingest.outcome import PassedOver
from stillhouse.guard.ingest.withheld import withheld_request, withheld_response
from stillhouse.models.wire.openai import counted
from stillhouse.records.times import rfc3339
from stillhouse.types import Api, Exchange

__all__ = [
    "ACCOUNT",
    "CALL_TYPES",
    "FIELDS",
    "exchange_of_payload",
    "failure_status",
    "is_redacted",
    "request_of",
    "response_of",
    "without_words",
]

ACCOUNT: Final = ("user_api_key_user_id", "user_api_key_hash")
"""What an account is unless the user says otherwise: the owner of the virtual key, or the key where it has no owner.

Not `end_user`: the client writes that into its own request.
"""

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("id",),
    "call": ("litellm_call_id",),
    "time": ("startTime",),
    "end": ("endTime",),
    "account": tuple(f"metadata.{name}" for name in ACCOUNT),
    "organisation": ("metadata.user_api_key_org_id", "metadata.user_api_key_team_id"),
    "key": ("metadata.user_api_key_hash",),
    "model": ("model_group", "model"),
    "ip": ("requester_ip_address", "metadata.requester_ip_address"),
    "user_agent": ("user_agent", "metadata.user_agent"),
    "end_user": ("end_user", "metadata.user_api_key_end_user_id"),
    "session": ("session_id",),
    "input_tokens": ("prompt_tokens",),
    "output_tokens": ("completion_tokens",),
}

CALL_TYPES: Final[dict[str, Api]] = {
    "completion": "chat.completions",
    "acompletion": "chat.completions",
    "text_completion": "completions",
    "atext_completion": "completions",
    "embedding": "embeddings",
    "aembedding": "embeddings",
    "responses": "responses",
    "aresponses": "responses",
    "anthropic_messages": "messages",
    "aanthropic_messages": "messages",
}

_REMEDY = "name the field that says whose request it is with --account"
_REDACTED = ("redacted-by-litellm", "REDACTED_BY_LITELM")


def exchange_of_payload(payload: Mapping[str, Any], place: str, fields: Fields) -> Exchange | PassedOver:
    """One payload as an exchange. RecordError, opened by `place`, where something needed is absent or impossible."""
    call_type = payload.get("call_type")
    if not isinstance(call_type, str) or call_type not in CALL_TYPES:
        return PassedOver(f"call type {call_type[:40] if isinstance(call_type, str) and call_type else 'not told'}")
    api = CALL_TYPES[call_type]
    view = fields.view(place, payload)
    start, end = view.need_ms("time"), view.ms("end")
    account = view.need("account", _REMEDY)
    model = view.need("model", "a call without a model is none")
    failed = payload.get("status") == "failure"
    asked = payload.get("messages")
    hidden = is_redacted(asked)
    parameters = _mapping(payload.get("model_parameters"))
    if payload.get("stream") is True:
        parameters = {**parameters, "stream": True}
    own = {name: value for name, value in parameters.items() if value is not None}
    request = withheld_request(api, model, without_words(own)) if hidden else request_of(api, model, asked, own)
    answer = payload.get("response")
    metadata = _mapping(payload.get("metadata"))
    return Exchange(
        id=_id(view, start),
        time=rfc3339(start),
        account=account,
        organisation=view.text("organisation"),
        key=view.text("key"),
        model=model,
        api=api,
        request=request,
        response=None if failed else response_of(api, without_words(answer) if hidden else answer),
        usage={**view.counted("input_tokens", "output_tokens"), **counted({"usage": metadata.get("usage_object")})},
        client=view.gathered("ip", "user_agent", "end_user"),
        status=failure_status(payload.get("error_information")) if failed else 200,
        latency_ms=_latency(payload, start, end),
        extra={"source": "litellm", **view.gathered("call", "session")},
    )


def request_of(api: Api, model: str, asked: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """The body that the client sent, from the `messages` that LiteLLM made of it and its other parameters.

    LiteLLM makes one user message of each text of a prompt or an input, and puts an Anthropic system text before the
    messages; both are taken back.
    """
    if asked is None or asked in ({}, []):
        return withheld_request(api, model, own)
    if api in ("completions", "embeddings"):
        rows = asked if _is_list(asked) else [asked]
        texts = [row.get("content") if isinstance(row, Mapping) else row for row in rows]
        name = "prompt" if api == "completions" else "input"
        return {"model": model, name: texts[0] if len(texts) == 1 else texts, **own}
    if api == "responses":
        return {"model": model, "input": asked, **own}
    if api == "messages" and _is_list(asked) and isinstance(asked[0], Mapping) and asked[0].get("role") == "system":
        return {"model": model, "system": asked[0].get("content"), "messages": asked[1:], **own}
    return {"model": model, "messages": asked, **own}


def response_of(api: Api, answer: Any) -> Mapping[str, Any]:
    """The answer of a call that succeeded, in the form of its API; withheld where LiteLLM has none."""
    if isinstance(answer, Mapping) and answer not in ({}, {"text": None}):  # the latter is a redacted one
        return messages_answer(answer) if api == "messages" else answer
    if isinstance(answer, str) and answer and answer not in _REDACTED and api == "chat.completions":
        return {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": None}]}
    return withheld_response(api)


def failure_status(information: Any) -> int:
    """The HTTP status of a failed call; 500 where LiteLLM does not tell one, as it answers its client then."""
    code = _mapping(information).get("error_code")
    if isinstance(code, str) and code.isascii() and code.isdecimal() and len(code) == 3:
        code = int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else 500


def _id(view: View, start: int) -> str:
    """A client may choose the call id, and some servers count their answers from 1 to 999: neither names one exchange
    alone.

    So the id is a digest of both, the start and the key. The same payload read twice has the same.
    """
    named = [view.text("id") or "", view.text("call") or "", str(start), view.text("key") or ""]
    if not (named[0] or named[1]):
        raise RecordError(f"{view.place}: no id (looked for id or litellm_call_id); a call has one")
    digest = hashlib.blake2b("\0".join(named).encode(errors="surrogatepass"), digest_size=16)
    return f"litellm-{digest.hexdigest()}"


def _latency(payload: Mapping[str, Any], start: int, end: int | None) -> float | None:
    """To the microsecond where LiteLLM's own floats are there."""
    begun, ended = payload.get("startTime"), payload.get("endTime")
    if isinstance(begun, float) and isinstance(ended, float) and begun <= ended:
        return round((ended - begun) * 1000, 3)
    return float(end - start) if end is not None and end >= start else None


def is_redacted(asked: Any) -> bool:
    """Whether LiteLLM was told to log no words (`turn_off_message_logging`): then one row with its mark is all there
    is."""
    return (
        _is_list(asked)
        and len(asked) == 1
        and isinstance(asked[0], Mapping)
        and isinstance(asked[0].get("content"), str)
        and asked[0]["content"] in _REDACTED
    )


def without_words(value: Any) -> Any:
    """`value` with None for each mark of redaction."""
    if isinstance(value, Mapping):
        return {key: without_words(below) for key, below in value.items()}
    if isinstance(value, list):
        return [without_words(below) for below in value]
    return None if isinstance(value, str) and value in _REDACTED else value


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
