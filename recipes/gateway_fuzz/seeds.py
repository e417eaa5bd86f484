"""What mutation begins with: valid requests, answers and streams of every format, and the words worth putting in.

Streams and answers are those that the tests of the formats use. Sealed texts are made with the keys of whoever asks, so
that opening is reached, and some of them hold what only an odd upstream would have put under a seal.
"""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stillhouse.guard.blobs.keyring import Keyring
from stillhouse.guard.blobs.seals import ID, Seals
from tests.guard.wire.streams import CHAT, COMPLETIONS, MESSAGES, RESPONSES, Example

__all__ = ["BLOBS", "FORMATS", "NAMES", "Format", "Sealed"]

_USER = {"role": "user", "content": "What is the weather in Paris?"}
_TOOL = {
    "name": "get_weather",
    "description": "the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_CHAT_CALL = {"id": "call_a", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}

_CHAT_REQUESTS: list[dict[str, Any]] = [
    {"model": "served", "messages": [_USER]},
    {
        "model": "served",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": "x"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {**_CHAT_CALL, "extra_content": {"google": {"thought_signature": "SEALED thought_signature"}}}
                ],
                "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "SEALED signature"}],
                "reasoning_details": [{"type": "reasoning.encrypted", "data": "SEALED data"}],
                "provider_specific_fields": {"thought_signatures": ["SEALED thought_signature"]},
            },
            {"role": "tool", "tool_call_id": "call_a", "content": "mild"},
        ],
        "tools": [{"type": "function", "function": _TOOL}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 500,
        "temperature": 0.5,
        "n": 2,
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 5,
        "user": "u-1",
    },
]
_MESSAGES_REQUESTS: list[dict[str, Any]] = [
    {"model": "served", "max_tokens": 100, "messages": [_USER]},
    {
        "model": "served",
        "max_tokens": 4000,
        "stream": True,
        "system": [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [
            _USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "I should look.", "signature": "SEALED signature"},
                    {"type": "redacted_thinking", "data": "SEALED data"},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "mild"}]},
        ],
        "tools": [{"name": "get_weather", "input_schema": {"type": "object"}}],
        "metadata": {"user_id": "u-1"},
    },
]
_RESPONSES_REQUESTS: list[dict[str, Any]] = [
    {"model": "served", "input": "What is the weather in Paris?"},
    {
        "model": "served",
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "previous_response_id": "SEALED id",
        "max_output_tokens": 1000,
        "input": [
            _USER,
            {"type": "reasoning", "id": "SEALED id", "summary": [], "encrypted_content": "SEALED encrypted_content"},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "mild"},
            {"type": "item_reference", "id": "SEALED id"},
            {"type": "compaction", "encrypted_content": "SEALED encrypted_content"},
        ],
        "tools": [{"type": "function", **_TOOL}],
    },
]
_COMPLETIONS_REQUESTS: list[dict[str, Any]] = [
    {"model": "served", "prompt": "Once", "max_tokens": 10},
    {"model": "served", "prompt": ["Once", "Twice"], "n": 2, "best_of": 3, "logprobs": 2, "stream": True, "echo": True},
]
_EMBEDDINGS_REQUESTS: list[dict[str, Any]] = [
    {"model": "served", "input": ["one", "two"], "dimensions": 8},
    {"model": "served", "input": [[1, 2], [3]], "encoding_format": "base64"},
]
_EMBEDDED = {
    "object": "list",
    "model": "inner",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}],
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}
# Shapes that providers have and the examples of the formats' tests do not.
_CHAT_BLOBS = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {**_CHAT_REQUESTS[1]["messages"][2], "content": "."}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}


@dataclass(frozen=True)
class Format:
    """One path with what is sent to it. `path` has no `/v1`."""

    name: str
    path: str
    requests: tuple[Mapping[str, Any], ...]
    answers: tuple[Mapping[str, Any], ...]
    streams: tuple[bytes, ...] = ()


def _format(name: str, path: str, requests: list[dict[str, Any]], examples: Mapping[str, Example]) -> Format:
    found = tuple(examples.values())
    return Format(name, path, tuple(requests), tuple(e.whole for e in found), tuple(e.stream for e in found))


FORMATS: tuple[Format, ...] = (
    _format("chat.completions", "/chat/completions", _CHAT_REQUESTS, CHAT),
    _format("completions", "/completions", _COMPLETIONS_REQUESTS, COMPLETIONS),
    Format("embeddings", "/embeddings", tuple(_EMBEDDINGS_REQUESTS), (_EMBEDDED,)),
    _format("messages", "/messages", _MESSAGES_REQUESTS, MESSAGES),
    Format("count_tokens", "/messages/count_tokens", tuple(_MESSAGES_REQUESTS), ({"input_tokens": 12},)),
    _format("responses", "/responses", _RESPONSES_REQUESTS, RESPONSES),
)
BLOBS: Mapping[str, Any] = _CHAT_BLOBS


def _names(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return set(value) | {name for inner in value.values() for name in _names(inner)}
    return {name for inner in value for name in _names(inner)} if isinstance(value, list | tuple) else set()


_EXTRA_NAMES = (
    "allowed_token_ids best_of compaction_trigger conversation delta echo error index input_items item logit_bias"
    " logprob_token_ids max_tokens message n_cmpl n_probs output part prompt_cache_options prompt_logprobs response"
    " response_id stop text thought_signature usage"
)
NAMES: tuple[str, ...] = tuple(
    sorted(
        {name for one in FORMATS for name in _names([*one.requests, *one.answers])}
        | _names(_CHAT_BLOBS)
        | {
            name
            for one in FORMATS
            for stream in one.streams
            for line in stream.splitlines()
            if line.startswith(b"data: {")
            for name in _names(json.loads(line[6:]))
        }
        | set(_EXTRA_NAMES.split())
    )
)
"""Every name of a field that occurs in a seed, and those of fields that some rule looks for."""

_KINDS = ("signature", "data", "encrypted_content", "thought_signature")
_PLACE = re.compile(r'"SEALED (\w+)"')
_ODD = ("../../admin?x=1#y", "a b\r\nHost: evil", "\ud83d", "id\u00e4\u20ac", "%2e%2e", "\x00", "")


class Sealed:
    """Blobs and ids as `account` could have got them: of each kind, odd ones, and some that must be refused."""

    def __init__(self, keyring: Keyring, account: str) -> None:
        seals = Seals(keyring)
        good = {kind: [seals.seal(kind, text, account) for text in ("EqQBCgIYAhIM" * 3, "x")] for kind in _KINDS}
        good[ID] = [seals.seal(ID, text, account) for text in ("resp_68a1b2c3", "rs_68a1", "conv_1", "plain")]
        odd = [seals.seal(kind, text, account) for kind in ("signature", "encrypted_content") for text in _ODD]
        odd += [seals.seal(ID, f"resp_{text}", account) for text in _ODD]
        odd += [seals.seal("signature", "other", "somebody-else"), seals.seal(ID, "resp_1", "somebody-else")]
        blob = good["signature"][0]
        odd += [blob + blob, blob[:-1], blob[:30] + "A" + blob[31:], "shb1.", "resp_shb1_", "shb1_AAAA", "nobody's"]
        self._good, self.odd = good, odd

    def fill(self, text: str, rng: random.Random) -> str:
        """`text` with a seal in each place where a seed asks for one, mostly one that fits."""
        return _PLACE.sub(lambda found: f'"{self.one(found[1], rng)}"', text) if "SEALED" in text else text

    def one(self, kind: str, rng: random.Random) -> str:
        return rng.choice(self._good[kind] if kind in self._good and rng.random() < 0.97 else self.odd)
