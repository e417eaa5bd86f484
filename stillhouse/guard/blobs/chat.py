"""Chat completions of servers that pass on other providers' reasoning: blocks in extra fields, and Gemini's signatures.

OpenAI's own chat completions hand out no blobs. LiteLLM has `thinking_blocks`, OpenRouter `reasoning_details`, and
Google's own compatible API `extra_content.google.thought_signature` at tool calls.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhouse.guard.blobs.anchors import Block, blocks_of, tool_block
from stillhouse.guard.blobs.places import Places, Said, Slot, blob, dicts, said_by

__all__ = ["ChatPlaces"]

_SAID: dict[str, Said] = {"user": "client", "tool": "client", "function": "client", "assistant": "model"}
_EXTRAS = frozenset(
    {
        "extra_content",
        "provider_specific_fields",
        "reasoning_details",
        "thinking_blocks",
        "thought_signature",
        "thought_signatures",
    }
)
_OPAQUE = ("redacted_thinking", "reasoning.encrypted")


class ChatPlaces(Places):
    markers = (b"signature", b"redacted", b"reasoning.encrypted")

    def history(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        return dicts(body.get("messages"))

    def said(self, entry: Mapping[str, Any]) -> Said:
        return said_by(entry, _SAID)

    def blocks(self, entry: Mapping[str, Any]) -> list[Block]:
        call = entry.get("tool_call_id")
        return [tool_block(call)] if call and isinstance(call, str) else blocks_of(entry.get("content"))

    def in_entry(self, entry: dict[str, Any]) -> Iterable[Slot]:
        return _in_message(entry)

    def in_body(self, body: dict[str, Any]) -> Iterable[Slot]:
        for choice in dicts(body.get("choices")):
            for name in ("message", "delta"):
                message = choice.get(name)
                if isinstance(message, dict):
                    yield from _in_message(message)

    def in_event(self, data: dict[str, Any]) -> Iterable[Slot]:
        return self.in_body(data)


def _in_message(message: dict[str, Any]) -> Iterable[Slot]:
    if "tool_calls" not in message and _EXTRAS.isdisjoint(message):
        return ()
    holders = [message]
    for call in dicts(message.get("tool_calls")):
        function = call.get("function")
        holders += [call, function] if isinstance(function, dict) else [call]
    return [slot for holder in holders if not _EXTRAS.isdisjoint(holder) for slot in _in_extras(holder)]


def _in_extras(holder: dict[str, Any]) -> Iterable[Slot]:
    for fields in (holder, holder.get("provider_specific_fields")):
        if isinstance(fields, dict):
            for name in ("thinking_blocks", "reasoning_details"):
                for block in dicts(fields.get(name)):
                    yield from blob(block, "signature")
                    if block.get("type") in _OPAQUE:
                        yield from blob(block, "data")
            yield from blob(fields, "thought_signature")
            signatures = fields.get("thought_signatures")
            if isinstance(signatures, list):
                for index in range(len(signatures)):
                    yield from blob(signatures, index, "thought_signature")
    match holder.get("extra_content"):
        case {"google": dict(google)}:
            yield from blob(google, "thought_signature")
