"""The fields of every API that are known, and what of each may be kept where content may not.

An allow list: a field that stands in no table is left out, so what a provider adds tomorrow cannot leak. A table is a
mapping from a field's name to a `Kind`, or to the table of the objects in it. One table serves requests and answers of
all APIs, because a field's name and its place decide what it holds, and the APIs do not contradict one another there.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import TypeAlias

__all__ = ["BODY", "CALLED", "CALLING_PARTS", "PART", "Kind", "Table"]


class Kind(Enum):
    """How a field's value is treated. What has not the form that its kind says becomes null."""

    NUMBER = auto()  # a number or a boolean
    WORD = auto()  # one of `words.WORDS`, a number or a boolean; or a list of these
    NAME = auto()  # the name of a tool: an identifier of at most 64 characters
    MODEL = auto()  # kept where it is the model that the record names anyway
    TOKEN = auto()  # an id or a person: a keyed token
    TOKENS = auto()  # names and values chosen by the client: keyed tokens
    TEXT = auto()  # content: a string, a list of strings or parts, or one part
    JSON = auto()  # content with structure: a JSON value, or the text of one
    SIZE = auto()  # images, files, sealed blobs: only how large
    COUNT = auto()  # lists and objects of content: only how many entries


Table: TypeAlias = "Mapping[str, Kind | Table]"


def _names(text: str) -> list[str]:
    """Names in one string, because lists of quoted ones fill pages."""
    return text.split()


_CACHE: Table = {"type": Kind.WORD, "ttl": Kind.WORD}
_NAMED: Table = {"name": Kind.NAME}

_USAGE_DETAILS: Table = dict.fromkeys(
    _names(
        "accepted_prediction_tokens audio_tokens cached_tokens ephemeral_1h_input_tokens ephemeral_5m_input_tokens"
        " image_tokens reasoning_tokens rejected_prediction_tokens text_tokens web_fetch_requests"
        " web_search_requests"
    ),
    Kind.NUMBER,
)
_USAGE: Table = {
    **dict.fromkeys(
        _names(
            "cache_creation_input_tokens cache_read_input_tokens completion_tokens input_tokens output_tokens"
            " prompt_tokens total_tokens"
        ),
        Kind.NUMBER,
    ),
    "service_tier": Kind.WORD,
    "cache_creation": _USAGE_DETAILS,
    "completion_tokens_details": _USAGE_DETAILS,
    "input_tokens_details": _USAGE_DETAILS,
    "output_tokens_details": _USAGE_DETAILS,
    "prompt_tokens_details": _USAGE_DETAILS,
    "server_tool_use": _USAGE_DETAILS,
}

_FUNCTION: Table = {
    "name": Kind.NAME,
    "description": Kind.TEXT,
    "parameters": Kind.JSON,
    "arguments": Kind.JSON,
    "input": Kind.JSON,
    "strict": Kind.NUMBER,
}
_TOOL: Table = {
    "type": Kind.WORD,
    "name": Kind.NAME,
    "description": Kind.TEXT,
    "parameters": Kind.JSON,
    "input_schema": Kind.JSON,
    "strict": Kind.NUMBER,
    "max_uses": Kind.NUMBER,
    "display_width_px": Kind.NUMBER,
    "display_height_px": Kind.NUMBER,
    "function": _FUNCTION,
    "custom": _FUNCTION,
    "cache_control": _CACHE,
}
_TOOL_CHOICE: Table = {
    "type": Kind.WORD,
    "mode": Kind.WORD,
    "name": Kind.NAME,
    "function": _NAMED,
    "custom": _NAMED,
    "disable_parallel_tool_use": Kind.NUMBER,
}
_CALL: Table = {
    "id": Kind.TOKEN,
    "type": Kind.WORD,
    "index": Kind.NUMBER,
    "function": _FUNCTION,
    "custom": _FUNCTION,
}

# A part of a message's content, a block of Anthropic's, an item of the Responses API: told apart by `type`.
PART: Table = {
    "type": Kind.WORD,
    "role": Kind.WORD,
    "status": Kind.WORD,
    "phase": Kind.WORD,
    "detail": Kind.WORD,
    "index": Kind.NUMBER,
    "is_error": Kind.NUMBER,
    "id": Kind.TOKEN,
    "call_id": Kind.TOKEN,
    "tool_use_id": Kind.TOKEN,
    "text": Kind.TEXT,
    "content": Kind.TEXT,
    "thinking": Kind.TEXT,
    "summary": Kind.TEXT,
    "refusal": Kind.TEXT,
    "output": Kind.TEXT,
    "title": Kind.TEXT,
    "context": Kind.TEXT,
    "code": Kind.TEXT,
    "error": Kind.TEXT,
    "arguments": Kind.JSON,
    "input": Kind.JSON,
    "action": Kind.JSON,
    "variables": Kind.JSON,
    "image_url": Kind.SIZE,
    "source": Kind.SIZE,
    "file": Kind.SIZE,
    "file_data": Kind.SIZE,
    "input_audio": Kind.SIZE,
    "audio": Kind.SIZE,
    "data": Kind.SIZE,
    "result": Kind.SIZE,
    "signature": Kind.SIZE,
    "encrypted_content": Kind.SIZE,
    "annotations": Kind.COUNT,
    "citations": Kind.COUNT,
    "logprobs": Kind.COUNT,
    "outputs": Kind.COUNT,
    "queries": Kind.COUNT,
    "results": Kind.COUNT,
    "tools": _TOOL,
    "cache_control": _CACHE,
}
CALLED: Table = {**PART, "name": Kind.NAME}
CALLING_PARTS = frozenset(
    {"custom_tool_call", "function_call", "mcp_call", "mcp_tool_use", "server_tool_use", "tool_use"}
)

_MESSAGE: Table = {
    "role": Kind.WORD,
    "content": Kind.TEXT,
    "name": Kind.TOKEN,
    "refusal": Kind.TEXT,
    "reasoning": Kind.TEXT,
    "reasoning_content": Kind.TEXT,
    "reasoning_details": Kind.TEXT,
    "thinking_blocks": Kind.TEXT,
    "tool_calls": _CALL,
    "tool_call_id": Kind.TOKEN,
    "function_call": _FUNCTION,
    "audio": Kind.SIZE,
    "annotations": Kind.COUNT,
    "prefix": Kind.NUMBER,
    "partial": Kind.NUMBER,
    "cache_control": _CACHE,
}
_CHOICE: Table = {
    "index": Kind.NUMBER,
    "finish_reason": Kind.WORD,
    "native_finish_reason": Kind.WORD,
    "stop_reason": Kind.WORD,
    "message": _MESSAGE,
    "text": Kind.TEXT,
    "logprobs": Kind.COUNT,
}
_SCHEMA: Table = {
    "name": Kind.TOKEN,
    "description": Kind.TEXT,
    "schema": Kind.JSON,
    "strict": Kind.NUMBER,
}
_FORMAT: Table = {**_SCHEMA, "type": Kind.WORD, "json_schema": _SCHEMA}
_EMBEDDING: Table = {"object": Kind.WORD, "index": Kind.NUMBER, "embedding": Kind.COUNT}

BODY: Table = {
    **dict.fromkeys(
        _names(
            "background best_of completed_at created created_at dimensions echo frequency_penalty ignore_eos"
            " include_reasoning length_penalty max_completion_tokens max_output_tokens max_tokens max_tool_calls min_p"
            " min_tokens n parallel_tool_calls presence_penalty repetition_penalty seed skip_special_tokens store"
            " stream temperature top_a top_k top_logprobs top_p use_beam_search"
        ),
        Kind.NUMBER,
    ),
    "model": Kind.MODEL,
    "object": Kind.WORD,
    "type": Kind.WORD,
    "role": Kind.WORD,
    "status": Kind.WORD,
    "stop_reason": Kind.WORD,
    "include": Kind.WORD,
    "modalities": Kind.WORD,
    "encoding_format": Kind.WORD,
    "prompt_cache_retention": Kind.WORD,
    "reasoning_effort": Kind.WORD,
    "service_tier": Kind.WORD,
    "speed": Kind.WORD,
    "truncation": Kind.WORD,
    "verbosity": Kind.WORD,
    "logprobs": Kind.NUMBER,
    "id": Kind.TOKEN,
    "user": Kind.TOKEN,
    "safety_identifier": Kind.TOKEN,
    "prompt_cache_key": Kind.TOKEN,
    "previous_response_id": Kind.TOKEN,
    "conversation": Kind.TOKEN,
    "container": Kind.TOKEN,
    "system_fingerprint": Kind.TOKEN,
    "metadata": Kind.TOKENS,
    "messages": _MESSAGE,
    "choices": _CHOICE,
    "data": _EMBEDDING,
    "system": Kind.TEXT,
    "instructions": Kind.TEXT,
    "prompt": Kind.TEXT,
    "suffix": Kind.TEXT,
    "input": Kind.TEXT,
    "output": Kind.TEXT,
    "content": Kind.TEXT,
    "stop": Kind.TEXT,
    "stop_sequence": Kind.TEXT,
    "stop_sequences": Kind.TEXT,
    "prediction": Kind.TEXT,
    "tools": _TOOL,
    "functions": _FUNCTION,
    "tool_choice": _TOOL_CHOICE,
    "function_call": _NAMED,
    "response_format": _FORMAT,
    "output_format": _FORMAT,
    "output_config": {"effort": Kind.WORD, "format": _FORMAT},
    "text": {"format": _FORMAT, "verbosity": Kind.WORD},
    "reasoning": {
        "effort": Kind.WORD,
        "summary": Kind.WORD,
        "generate_summary": Kind.WORD,
        "max_tokens": Kind.NUMBER,
        "enabled": Kind.NUMBER,
        "exclude": Kind.NUMBER,
    },
    "thinking": {"type": Kind.WORD, "budget_tokens": Kind.NUMBER},
    "stream_options": {"include_usage": Kind.NUMBER, "include_obfuscation": Kind.NUMBER},
    "incomplete_details": {"reason": Kind.WORD},
    "error": {"type": Kind.WORD, "code": Kind.WORD, "message": Kind.TEXT},
    "usage": _USAGE,
    "cache_control": _CACHE,
    "logit_bias": Kind.COUNT,
    "mcp_servers": Kind.COUNT,
}
