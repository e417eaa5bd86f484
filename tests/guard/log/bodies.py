"""Requests and answers of every API, with every field that clients commonly send, for tests of what the log keeps."""

from typing import Any

__all__ = ["BODIES"]

_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a place",
        "parameters": {"type": "object", "properties": {"place": {"type": "string", "description": "a town"}}},
        "strict": True,
    },
}
_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}

BODIES: dict[str, dict[str, Any]] = {
    "chat request": {
        "model": "served",
        "messages": [
            {"role": "system", "content": "You are brief."},
            {
                "role": "user",
                "name": "alice",
                "content": [
                    {"type": "text", "text": "What is on it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                    {"type": "file", "file": {"filename": "plan.pdf", "file_data": "AAAA"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": "No.",
                "reasoning_content": "Think.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"place": "Ulm"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "function", "name": "old", "content": "snow"},
        ],
        "tools": [_TOOL],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "functions": [{"name": "old", "description": "Old way", "parameters": {"type": "object"}}],
        "function_call": "auto",
        "temperature": 0.7,
        "top_p": 1,
        "n": 2,
        "max_tokens": 100,
        "seed": 17,
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["END", "###"],
        "logprobs": True,
        "top_logprobs": 5,
        "logit_bias": {"50256": -100, "11": 4},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        "reasoning_effort": "low",
        "modalities": ["text", "audio"],
        "prediction": {"type": "content", "content": "a guess"},
        "metadata": {"user_id": "u7", "session": "s9"},
        "user": "person@example.org",
        "safety_identifier": "person-7",
        "prompt_cache_key": "my-app",
        "service_tier": "flex",
        "store": False,
    },
    "chat answer": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1785000000,
        "model": "served",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "It rains.",
                    "reasoning": "Hm.",
                    "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.org", "title": "X"}}],
                    "tool_calls": [
                        {"id": "call_2", "type": "function", "function": {"name": "get_weather", "arguments": "{"}}
                    ],
                },
                "logprobs": {"content": [{"token": "It", "logprob": -0.1, "bytes": [73, 116], "top_logprobs": []}]},
            }
        ],
        "usage": _USAGE,
    },
    "responses request": {
        "model": "served",
        "instructions": "Be brief.",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "Find it"}, {"type": "input_file", "file_id": "f"}],
            },
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "find",
                "arguments": '{"q": "x"}',
                "status": "completed",
            },
            {"type": "function_call_output", "call_id": "c1", "output": "found"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "shell", "input": "ls -l"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Look."}],
                "encrypted_content": "AAAA",
            },
            {"type": "item_reference", "id": "msg_9"},
        ],
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Ulm"}},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "tools": [
            {"type": "web_search_preview_2025_03_11"},
            {"type": "mcp", "server_url": "https://x.org", "headers": {"A": "b"}},
        ],
        "tool_choice": "auto",
        "include": ["reasoning.encrypted_content"],
        "previous_response_id": "resp_0",
        "conversation": {"id": "conv_1"},
        "truncation": "auto",
        "max_output_tokens": 50,
        "background": False,
    },
    "responses answer": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1785000000,
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "error": {"code": "server_error", "message": "It broke."},
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "Here.", "annotations": [{"type": "file_citation"}], "logprobs": []}
                ],
            },
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "it"},
            },
            {
                "type": "code_interpreter_call",
                "id": "ci_1",
                "code": "print(1)",
                "outputs": [{"type": "logs", "logs": "1"}],
            },
            {"type": "image_generation_call", "id": "ig_1", "result": "AAAA"},
            {
                "type": "mcp_call",
                "id": "m_1",
                "name": "look",
                "server_label": "s",
                "arguments": "{}",
                "output": "o",
                "error": "e",
            },
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
    },
    "messages request": {
        "model": "served",
        "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "title": "Plan",
                        "context": "ours",
                        "source": {"type": "text", "data": "AAAA"},
                    },
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    {"type": "text", "text": "Read it"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "AAAA"},
                    {"type": "redacted_thinking", "data": "AAAA"},
                    {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"page": 1, "file": "plan"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "is_error": False,
                        "content": [{"type": "text", "text": "p"}],
                    }
                ],
            },
        ],
        "tools": [
            {"name": "read", "description": "Reads", "input_schema": {"type": "object", "properties": {"page": {}}}}
        ],
        "tool_choice": {"type": "tool", "name": "read", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "stop_sequences": ["END"],
        "max_tokens": 100,
        "top_k": 5,
        "metadata": {"user_id": "user_7"},
    },
    "messages answer": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served",
        "content": [
            {"type": "text", "text": "Done.", "citations": [{"type": "char_location", "cited_text": "p"}]},
            {"type": "server_tool_use", "id": "s_1", "name": "web_search", "input": {"query": "q"}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s_1",
                "content": [{"type": "web_search_result", "url": "u"}],
            },
        ],
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1}},
    },
    "completions request": {
        "model": "served",
        "prompt": ["Once", "Twice"],
        "suffix": "the end",
        "echo": True,
        "best_of": 2,
        "logprobs": 5,
        "max_tokens": 5,
    },
    "completions request of tokens": {"model": "served", "prompt": [[15496, 995], [1, 2]], "temperature": 0},
    "completions answer": {
        "object": "text_completion",
        "choices": [{"index": 0, "text": " upon", "finish_reason": "length", "logprobs": {"tokens": [" upon"]}}],
        "usage": _USAGE,
    },
    "embeddings request": {"model": "served", "input": ["a text"], "encoding_format": "float", "dimensions": 8},
    "embeddings request of tokens": {"model": "served", "input": [1, 2, 3]},
    "embeddings answer": {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}, {"index": 1, "embedding": "AAAA"}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    },
    "error answer": {"type": "error", "error": {"type": "rate_limit_error", "message": "Too fast, alice."}},
}
