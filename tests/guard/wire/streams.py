"""Streams as OpenAI, Anthropic, vLLM and DeepSeek send them, each beside what the same request gets unstreamed.

Written by hand after the SDKs' types; `CHAT`, `RESPONSES` and `MESSAGES` are by name, for tests that take all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["CHAT", "COMPLETIONS", "DONE", "MESSAGES", "RESPONSES", "Example", "chunk", "sse"]

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Example:
    stream: bytes
    whole: Mapping[str, Any]
    usage: Mapping[str, int]


def sse(events: Iterable[Any], *, named: bool = False) -> bytes:
    """Events one after the other; `named` gives each the name that its type says, as typed streams have it."""
    return b"".join(
        (b"event: " + event["type"].encode() + b"\n" if named else b"") + b"data: " + orjson.dumps(event) + b"\n\n"
        for event in events
    )


def chunk(
    delta: dict[str, Any] | None = None, index: int = 0, finish: str | None = None, **more: Any
) -> dict[str, Any]:
    """A chunk of a chat answer; without a delta one without choices, as the one of the usage is."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    if "logprobs" in more:
        choice["logprobs"] = more.pop("logprobs")
    return {
        "id": "chatcmpl-B9MB",
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": "gpt-5.4-mini",
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [] if delta is None else [choice],
        "usage": None,
        "obfuscation": "x" * (index + 3),
        **more,
    }


def _chat(message: dict[str, Any], finish: str, logprobs: Any = None, index: int = 0) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": None, **message},
        "logprobs": logprobs,
        "finish_reason": finish,
    }


def _chat_whole(*choices: dict[str, Any], usage: Any = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-B9MB",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "gpt-5.4-mini",
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": list(choices),
        "usage": usage,
    }


_CHAT_USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "accepted_prediction_tokens": 0},
}
_CHAT_COUNTS = {"input_tokens": 19, "output_tokens": 10, "cached_input_tokens": 4, "reasoning_tokens": 3}


def _token(text: str) -> dict[str, Any]:
    top = [{"token": text, "logprob": -0.5, "bytes": list(text.encode())}]
    return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": top}


def _call(name: str, arguments: str, call: str) -> dict[str, Any]:
    return {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}


CHAT = {
    "text": Example(
        sse(
            [
                chunk({"role": "assistant", "content": "", "refusal": None}),
                *(chunk({"content": piece}) for piece in ("Hél", "lo", " \U0001f44b", "\n\ndata: x")),
                chunk({}, finish="stop"),
                chunk(usage=_CHAT_USAGE),
            ]
        )
        + DONE,
        _chat_whole(_chat({"content": "Héllo \U0001f44b\n\ndata: x", "refusal": None}, "stop"), usage=_CHAT_USAGE),
        _CHAT_COUNTS,
    ),
    "two choices with logprobs": Example(
        sse(
            [
                chunk({"role": "assistant", "content": ""}, logprobs={"content": [], "refusal": None}),
                chunk({"role": "assistant", "content": ""}, 1, logprobs={"content": [], "refusal": None}),
                chunk({"content": "A"}, 1, logprobs={"content": [_token("A")], "refusal": None}),
                chunk({"content": "B"}, logprobs={"content": [_token("B")], "refusal": None}),
                chunk({"content": "C"}, 1, logprobs={"content": [_token("C")], "refusal": None}),
                chunk({}, finish="length"),
                chunk({}, 1, "stop"),
            ]
        )
        + DONE,
        _chat_whole(
            _chat({"content": "B"}, "length", {"content": [_token("B")], "refusal": None}),
            _chat({"content": "AC"}, "stop", {"content": [_token("A"), _token("C")], "refusal": None}, 1),
        ),
        {},
    ),
    "two tools at once": Example(
        sse(
            [
                chunk(
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"index": 0, **_call("get_weather", "", "call_a")}],
                        "refusal": None,
                    }
                ),
                chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
                chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]}),
                chunk({"tool_calls": [{"index": 1, **_call("get_time", "", "call_b")}]}),
                chunk({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
                chunk({}, finish="tool_calls"),
                chunk(usage=_CHAT_USAGE),
            ]
        )
        + DONE,
        _chat_whole(
            _chat(
                {
                    "refusal": None,
                    "tool_calls": [
                        _call("get_weather", '{"city":"Paris"}', "call_a"),
                        _call("get_time", "{}", "call_b"),
                    ],
                },
                "tool_calls",
            ),
            usage=_CHAT_USAGE,
        ),
        _CHAT_COUNTS,
    ),
    "refusal": Example(
        sse(
            [
                chunk({"role": "assistant", "content": None, "refusal": ""}),
                chunk({"refusal": "I can"}),
                chunk({"refusal": "not."}),
                chunk({}, finish="stop"),
            ]
        )
        + DONE,
        _chat_whole(_chat({"refusal": "I cannot."}, "stop")),
        {},
    ),
    "function_call of old": Example(
        sse(
            [
                chunk({"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": ""}}),
                chunk({"function_call": {"arguments": '{"a"'}}),
                chunk({"function_call": {"arguments": ":1}"}}),
                chunk({}, finish="function_call"),
            ]
        )
        + DONE,
        _chat_whole(_chat({"function_call": {"name": "add", "arguments": '{"a":1}'}}, "function_call")),
        {},
    ),
    "reasoning_content": Example(
        sse(
            [
                chunk({"role": "assistant", "content": None, "reasoning_content": ""}),
                chunk({"content": None, "reasoning_content": "2 and"}),
                chunk({"content": None, "reasoning_content": " 2."}),
                chunk({"content": "Fo", "reasoning_content": None}),
                chunk({"content": "ur", "reasoning_content": None}),
                chunk({"content": ""}, finish="stop", usage=_CHAT_USAGE),
            ]
        )
        + DONE,
        _chat_whole(_chat({"content": "Four", "reasoning_content": "2 and 2."}, "stop"), usage=_CHAT_USAGE),
        _CHAT_COUNTS,
    ),
    "reasoning": Example(
        sse(
            [
                chunk({"role": "assistant", "content": ""}),
                chunk({"reasoning": "Think"}, logprobs={"content": [_token("Think")]}),
                chunk({"reasoning": "ing"}, logprobs={"content": [_token("ing")]}),
                chunk({"content": "Four"}, logprobs={"content": [_token("Four")]}),
                chunk({}, finish="stop"),
            ]
        )
        + DONE,
        _chat_whole(
            _chat(
                {"content": "Four", "reasoning": "Thinking"},
                "stop",
                {"content": [_token("Think"), _token("ing"), _token("Four")]},
            )
        ),
        {},
    ),
    "audio": Example(
        sse(
            [
                chunk({"role": "assistant", "content": None, "audio": {"id": "audio_1", "transcript": "He"}}),
                chunk({"audio": {"data": "AAAA"}}),
                chunk({"audio": {"data": "BBBB", "transcript": "llo"}}),
                chunk({"audio": {"expires_at": 1741570283}}, finish="stop"),
            ]
        )
        + DONE,
        _chat_whole(
            _chat(
                {"audio": {"id": "audio_1", "transcript": "Hello", "data": "AAAABBBB", "expires_at": 1741570283}},
                "stop",
            )
        ),
        {},
    ),
}


def _text_chunk(text: str, index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"text": text, "index": index, "logprobs": more.pop("logprobs", None), "finish_reason": finish}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1741569952,
        "choices": [choice],
        "model": "babbage-002",
        **more,
    }


def _parallel(*tokens: str) -> dict[str, Any]:
    return {
        "tokens": list(tokens),
        "token_logprobs": [-0.25 for _ in tokens],
        "top_logprobs": [{token: -0.25} for token in tokens],
        "text_offset": list(range(len(tokens))),
    }


COMPLETIONS = {
    "text": Example(
        sse(
            [
                _text_chunk("On", logprobs=_parallel("On") | {"text_offset": [0]}),
                _text_chunk("ce", logprobs=_parallel("ce") | {"text_offset": [1]}),
                _text_chunk("Two", 1),
                _text_chunk("", finish="length"),
                _text_chunk("", 1, "stop", usage={"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}),
            ]
        )
        + DONE,
        {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1741569952,
            "model": "babbage-002",
            "choices": [
                {"text": "Once", "index": 0, "logprobs": _parallel("On", "ce"), "finish_reason": "length"},
                {"text": "Two", "index": 1, "logprobs": None, "finish_reason": "stop"},
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
        },
        {"input_tokens": 3, "output_tokens": 5},
    ),
}

_REASONED = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "**Adding**"}],
    "content": [{"type": "reasoning_text", "text": "2 and 2"}],
    "encrypted_content": "gAAAAA",
}
_SPOKEN = {
    "id": "msg_1",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [
        {
            "type": "output_text",
            "text": "Four.",
            "annotations": [
                {"type": "url_citation", "start_index": 0, "end_index": 4, "title": "T", "url": "https://e.org"}
            ],
            "logprobs": [],
        }
    ],
}
_CALLED = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city":"Paris"}',
}


def _response(status: str, *output: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1741476777,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5.4",
        "output": list(output),
        "parallel_tool_calls": True,
        "reasoning": {"effort": "low", "summary": "auto"},
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
        **more,
    }


_RESPONSES_USAGE = {
    "input_tokens": 37,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 11,
    "output_tokens_details": {"reasoning_tokens": 6},
    "total_tokens": 48,
}


def _numbered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _of(item: str, place: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "item_id": item, "output_index": place, **more}


_RESPONSES_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": _response("in_progress")},
    {"type": "response.in_progress", "response": _response("in_progress")},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
    },
    _of("rs_1", 0, "reasoning_summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}),
    _of("rs_1", 0, "reasoning_summary_text.delta", summary_index=0, delta="**Add"),
    _of("rs_1", 0, "reasoning_summary_text.delta", summary_index=0, delta="ing**"),
    _of("rs_1", 0, "reasoning_summary_text.done", summary_index=0, text="**Adding**"),
    _of("rs_1", 0, "reasoning_summary_part.done", summary_index=0, part=_REASONED["summary"][0]),
    _of("rs_1", 0, "content_part.added", content_index=0, part={"type": "reasoning_text", "text": ""}),
    _of("rs_1", 0, "reasoning_text.delta", content_index=0, delta="2 and 2"),
    _of("rs_1", 0, "reasoning_text.done", content_index=0, text="2 and 2"),
    {"type": "response.output_item.done", "output_index": 0, "item": _REASONED},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []},
    },
    _of(
        "msg_1",
        1,
        "content_part.added",
        content_index=0,
        part={"type": "output_text", "text": "", "annotations": [], "logprobs": []},
    ),
    _of("msg_1", 1, "output_text.delta", content_index=0, delta="Fo", logprobs=[]),
    _of("msg_1", 1, "output_text.delta", content_index=0, delta="ur.", logprobs=[]),
    _of("msg_1", 1, "output_text.done", content_index=0, text="Four.", logprobs=[]),
    _of("msg_1", 1, "content_part.done", content_index=0, part=_SPOKEN["content"][0]),
    {"type": "response.output_item.done", "output_index": 1, "item": _SPOKEN},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {**_CALLED, "status": "in_progress", "arguments": ""},
    },
    _of("fc_1", 2, "function_call_arguments.delta", delta='{"city":'),
    _of("fc_1", 2, "function_call_arguments.delta", delta='"Paris"}'),
    _of("fc_1", 2, "function_call_arguments.done", name="get_weather", arguments='{"city":"Paris"}'),
    {"type": "response.output_item.done", "output_index": 2, "item": _CALLED},
    {
        "type": "response.completed",
        "response": _response("completed", _REASONED, _SPOKEN, _CALLED, usage=_RESPONSES_USAGE),
    },
]

RESPONSES = {
    "reasoning, text and a call": Example(
        sse(_numbered(_RESPONSES_EVENTS), named=True),
        _response("completed", _REASONED, _SPOKEN, _CALLED, usage=_RESPONSES_USAGE),
        {"input_tokens": 37, "output_tokens": 11, "cached_input_tokens": 0, "reasoning_tokens": 6},
    ),
}

_CITED = {
    "type": "web_search_result_location",
    "cited_text": "Paris is mild.",
    "url": "https://example.org",
    "title": "Weather",
    "encrypted_index": "Eo8B",
}
_FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [
        {
            "type": "web_search_result",
            "title": "Weather",
            "url": "https://example.org",
            "encrypted_content": "EqgfCioIARgB",
            "page_age": None,
        }
    ],
}
_SEARCHED = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "weather Paris"}}
_THOUGHT = {"type": "thinking", "thinking": "I should look.", "signature": "EqQBCgIYAhIM"}
_HIDDEN = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3"}
_MESSAGES_USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 1,
    "service_tier": "standard",
}


def _block(index: int, began: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": began},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _message(content: list[Any], stop: str | None, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


_MESSAGES_TOLD = {
    "output_tokens": 88,
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    "output_tokens_details": {"thinking_tokens": 20},
}

MESSAGES = {
    "text": Example(
        sse(
            [
                {"type": "message_start", "message": _message([], None, _MESSAGES_USAGE)},
                *_block(
                    0,
                    {"type": "text", "text": ""},
                    {"type": "text_delta", "text": "Hel"},
                    {"type": "text_delta", "text": "lo"},
                )[:1],
                {"type": "ping"},
                *_block(
                    0,
                    {"type": "text", "text": ""},
                    {"type": "text_delta", "text": "Hel"},
                    {"type": "text_delta", "text": "lo"},
                )[1:],
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                    "usage": {"output_tokens": 15},
                },
                {"type": "message_stop"},
            ],
            named=True,
        ),
        _message([{"type": "text", "text": "Hello"}], "end_turn", {**_MESSAGES_USAGE, "output_tokens": 15}),
        {"input_tokens": 162, "output_tokens": 15, "cached_input_tokens": 50},
    ),
    "thinking, search, citations and tools": Example(
        sse(
            [
                {"type": "message_start", "message": _message([], None, _MESSAGES_USAGE)},
                *_block(
                    0,
                    {"type": "thinking", "thinking": "", "signature": ""},
                    {"type": "thinking_delta", "thinking": "I should"},
                    {"type": "thinking_delta", "thinking": " look."},
                    {"type": "signature_delta", "signature": "EqQBCgIYAhIM"},
                ),
                *_block(1, _HIDDEN),
                *_block(
                    2,
                    {**_SEARCHED, "input": {}},
                    {"type": "input_json_delta", "partial_json": ""},
                    {"type": "input_json_delta", "partial_json": '{"query": "weat'},
                    {"type": "input_json_delta", "partial_json": 'her Paris"}'},
                ),
                *_block(3, _FOUND),
                *_block(
                    4,
                    {"type": "text", "text": "", "citations": []},
                    {"type": "citations_delta", "citation": _CITED},
                    {"type": "text_delta", "text": "Mi"},
                    {"type": "text_delta", "text": "ld."},
                ),
                *_block(5, {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}),
                *_block(
                    6,
                    {"type": "tool_use", "id": "toolu_2", "name": "plan", "input": {}},
                    {"type": "input_json_delta", "partial_json": '{"city": "Paris", "da'},
                    {"type": "input_json_delta", "partial_json": 'ys": [1, 2]}'},
                ),
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                    "usage": _MESSAGES_TOLD,
                },
                {"type": "message_stop"},
            ],
            named=True,
        ),
        _message(
            [
                _THOUGHT,
                _HIDDEN,
                _SEARCHED,
                _FOUND,
                {"type": "text", "text": "Mild.", "citations": [_CITED]},
                {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
                {"type": "tool_use", "id": "toolu_2", "name": "plan", "input": {"city": "Paris", "days": [1, 2]}},
            ],
            "tool_use",
            {**_MESSAGES_USAGE, **_MESSAGES_TOLD},
        ),
        {"input_tokens": 162, "output_tokens": 88, "cached_input_tokens": 50, "reasoning_tokens": 20},
    ),
}
