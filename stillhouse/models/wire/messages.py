"""Anthropic's `messages`: the system turn stands apart, one answer a call, no seed, its text in content blocks.

Structured output is `output_config.format`, the API's own field for it. Sampling fields that a model refuses are taken
out with `extra: {temperature: null}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stillhouse.models.wire.base import finish, integer, merged, need, sampled
from stillhouse.types import Completion, Message, Sampling

__all__ = ["Messages"]


class Messages:
    """`POST /messages`."""

    api: Literal["messages"] = "messages"
    path = "/messages"
    knows_n = False
    knows_seed = False

    def headers(self, key: str | None) -> dict[str, str]:
        version = {"anthropic-version": "2023-06-01"}
        return version if key is None else {"x-api-key": key, **version}

    def body(
        self, model: str, messages: Sequence[Message], sampling: Sampling, n: int, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        system = "\n\n".join(message.content for message in messages if message.role == "system")
        body: dict[str, Any] = {
            "model": model,
            "system": system or None,
            "messages": [message.as_dict() for message in messages if message.role != "system"],
            "max_tokens": sampling.max_tokens,
            **sampled(sampling),
        }
        if sampling.schema is not None:
            body["output_config"] = {"format": {"type": "json_schema", "schema": dict(sampling.schema)}}
        return merged(body, extra)

    def completions(self, answer: Mapping[str, Any], request: Mapping[str, Any]) -> list[Completion]:
        blocks = need(answer, "content", list)
        text = "".join(need(block, "text", str) for block in blocks if need(block, "type", str) == "text")
        return [Completion(text=text, finish_reason=finish(need(answer, "stop_reason", str)))]

    def usage(self, answer: Mapping[str, Any]) -> dict[str, int]:
        told = answer.get("usage")
        read, written = integer(told, "input_tokens"), integer(told, "output_tokens")
        if read is None or written is None:
            return {}
        cached = integer(told, "cache_read_input_tokens") or 0
        stored = integer(told, "cache_creation_input_tokens") or 0
        found = {"input_tokens": read + cached + stored, "output_tokens": written}
        return {**found, "cached_input_tokens": cached} if cached else found
