"""Rows as the gateways write them, made for these tests after what running ones wrote; and how tests read them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stillhouse.guard.ingest.json_text import decode
from stillhouse.guard.ingest.outcome import Fault, Outcome, PassedOver
from stillhouse.guard.ingest.rows import Row
from stillhouse.records import exchange_from_record, exchange_to_record
from stillhouse.types import Exchange

KEY = "9f0c" * 16


def rows(*values: Any) -> Iterator[Row | Fault]:
    """Values as rows of a file `log`."""
    for number, value in enumerate(values, start=1):
        raw = json.dumps(value).encode()
        yield Row(f"log:{number}", decode(raw), raw)


def one_exchange(outcomes: Iterator[Outcome]) -> Exchange:
    """The only outcome, which has to be an exchange that a log takes and gives back."""
    (found,) = outcomes
    assert isinstance(found, Exchange), found
    assert exchange_from_record(json.loads(json.dumps(exchange_to_record(found), allow_nan=False)), "x") == found
    return found


def one_fault(outcomes: Iterator[Outcome]) -> str:
    (found,) = outcomes
    assert isinstance(found, Fault), found
    return f"{found.place}: {found.reason}"


def one_passed_over(outcomes: Iterator[Outcome]) -> str:
    (found,) = outcomes
    assert isinstance(found, PassedOver), found
    return found.reason


def write_lines(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def payload(**changes: Any) -> dict[str, Any]:
    """A StandardLoggingPayload of a chat call."""
    usage = {
        "prompt_tokens": 31,
        "completion_tokens": 12,
        "total_tokens": 43,
        "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    answer = {
        "id": "chatcmpl-77",
        "object": "chat.completion",
        "created": 1784880931,
        "model": "stub-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Cork."}, "finish_reason": "stop"}],
        "usage": usage,
    }
    return {
        "id": "chatcmpl-77",
        "litellm_call_id": "0b54c5aa-6a9b-4a4c-8c77-5a7ce6d31f10",
        "trace_id": "5a1f",
        "session_id": "",
        "call_type": "acompletion",
        "stream": None,
        "status": "success",
        "response_cost": 0.00021,
        "custom_llm_provider": "openai",
        "total_tokens": 43,
        "prompt_tokens": 31,
        "completion_tokens": 12,
        "startTime": 1784880930.125499,
        "endTime": 1784880931.037749,
        "completionStartTime": 1784880930.6,
        "model": "openai/stub-1",
        "model_group": "stub",
        "metadata": {
            "user_api_key_hash": KEY,
            "user_api_key_alias": "ann's key",
            "user_api_key_user_id": "ann",
            "user_api_key_team_id": "team-7",
            "user_api_key_org_id": None,
            "requester_ip_address": "198.51.100.7",
            "usage_object": usage,
        },
        "cache_hit": None,
        "end_user": "shopper-3",
        "requester_ip_address": "198.51.100.7",
        "user_agent": "OpenAI/Python 3.57.0",
        "messages": [{"role": "system", "content": "Name one city."}, {"role": "user", "content": "Ireland 🍀"}],
        "response": answer,
        "error_str": None,
        "error_information": {"error_code": "", "error_class": "", "error_message": ""},
        "model_parameters": {"temperature": 0.3, "stream": False, "user": "shopper-3"},
        **changes,
    }


def spend_row(**changes: Any) -> dict[str, Any]:
    """A row of LiteLLM_SpendLogs with prompts stored, as the database driver gives it."""
    body = {
        "model": "stub",
        "messages": [{"role": "user", "content": 'He said "no",\nthen left.'}],
        "temperature": 0.3,
        "metadata": {"headers": {"host": "127.0.0.1:4000"}, "user_api_key_hash": "REDACTED_BY_LITELM"},
        "litellm_call_id": "7be1",
    }
    return {
        "request_id": "chatcmpl-90",
        "call_type": "acompletion",
        "api_key": KEY,
        "spend": 0.00021,
        "total_tokens": 43,
        "prompt_tokens": 31,
        "completion_tokens": 12,
        "startTime": "2026-07-24T08:15:30.125Z",
        "endTime": "2026-07-24T08:15:31.037Z",
        "completionStartTime": "2026-07-24T08:15:30.600Z",
        "request_duration_ms": 912,
        "model": "openai/stub-1",
        "model_id": "083a",
        "model_group": "stub",
        "custom_llm_provider": "openai",
        "user": "ann",
        "metadata": json.dumps(
            {
                "status": "success",
                "user_agent": "curl/8",
                "error_information": None,
                "usage_object": {
                    "prompt_tokens": 31,
                    "completion_tokens": 12,
                    "completion_tokens_details": {"reasoning_tokens": 5},
                },
            }
        ),
        "cache_hit": "None",
        "team_id": "team-7",
        "organization_id": "",
        "end_user": "",
        "requester_ip_address": "198.51.100.7",
        "messages": "{}",
        "response": json.dumps(payload()["response"]),
        "session_id": "5a1f",
        "status": "success",
        "proxy_server_request": json.dumps(body),
        "litellm_call_id": "7be1",
        **changes,
    }


def access_line(**changes: Any) -> dict[str, Any]:
    """A line of an Envoy AI Gateway's access log with one field for the account."""
    return {
        "start_time": "2026-07-24T08:15:30.125Z",
        "method": "POST",
        "x-envoy-origin-path": "/v1/chat/completions?beta=1",
        "response_code": 200,
        "duration": 912,
        "user.id": "acct_17",
        "gen_ai.request.model": "stub",
        "gen_ai.response.model": "stub-2026",
        "gen_ai.provider.name": "default/stub/route/r/rule/0/ref/0",
        "gen_ai.usage.input_tokens": 31,
        "gen_ai.usage.output_tokens": 12.0,
        "gen_ai.usage.reasoning_tokens": "5",
        "session.id": None,
        "x-forwarded-for": "203.0.113.9,198.51.100.7",
        "downstream_remote_address": "198.51.100.7:51812",
        "user-agent": "OpenAI/Python 3.57.0",
        "x-request-id": "83b63da3",
        "upstream_transport_failure_reason": None,
        **changes,
    }


INPUT = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather in Cork?"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "sky", "arguments": {"city": "Cork"}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"sky": "grey"}}]},
]
OUTPUT = [
    {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "Grey means rain."}, {"type": "text", "content": "Rain."}],
    }
]


def attributes(**changes: Any) -> dict[str, Any]:
    """Attributes of a chat span; names with dots are given with `__` for each."""
    base = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "stub",
        "gen_ai.request.temperature": 0.3,
        "gen_ai.request.choice.count": 1,
        "gen_ai.response.id": "chatcmpl-77",
        "gen_ai.response.model": "stub-2026",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 31,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 16,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.conversation.id": "conv_1",
        "enduser.id": "acct_17",
        "client.address": "198.51.100.7",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.input.messages": json.dumps(INPUT),
        "gen_ai.output.messages": json.dumps(OUTPUT),
    }
    return base | {name.replace("__", "."): value for name, value in changes.items()}


def flat_span(named: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A span as the SDK's console exporter writes it."""
    return {
        "name": "chat stub",
        "context": {"trace_id": "0x4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "0x00f067aa0ba902b7"},
        "kind": "SpanKind.CLIENT",
        "parent_id": None,
        "start_time": "2026-07-24T08:15:30.125499Z",
        "end_time": "2026-07-24T08:15:31.037749Z",
        "status": {"status_code": "UNSET"},
        "attributes": dict(named),
        "events": [],
        "links": [],
        "resource": {"attributes": {"service.name": "shop"}},
        **changes,
    }


def otlp(*spans: Mapping[str, Any], resource: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Spans as OTLP/JSON spells them."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _typed(resource or {})},
                "scopeSpans": [{"scope": {"name": "s"}, "spans": [dict(span) for span in spans]}],
            }
        ]
    }


def otlp_span(named: Mapping[str, Any], number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "spanId": f"{number:016x}",
        "name": "chat stub",
        "kind": 3,
        "startTimeUnixNano": "1784880930125499123",
        "endTimeUnixNano": "1784880931037749123",
        "attributes": _typed(named),
        "status": {},
        **changes,
    }


def _typed(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in named.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _typed(value)}}
    return {"stringValue": value}


def asked_line(name: str, **changes: Any) -> dict[str, Any]:
    """A line of a batch's input file."""
    body = {"model": "stub", "messages": [{"role": "user", "content": f"question {name}"}], "max_tokens": 9}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body, **changes}


def answered_line(name: str, **changes: Any) -> dict[str, Any]:
    """A line of a batch's output file."""
    body = {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 1784880931,
        "model": "stub-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": f"answer {name}"}}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 12},
    }
    return {
        "id": f"batch_req_{name}",
        "custom_id": name,
        "response": {"status_code": 200, "request_id": f"req_{name}", "body": body},
        "error": None,
        **changes,
    }


BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-in",
    "created_at": 1784880000,
    "in_progress_at": 1784880060,
}
