"""Anthropic's Messages: `thinking.signature`, `redacted_thinking.data`, and what compaction and advisors leave.

Search results and encrypted outputs of tools are opaque too, but hold no reasoning of a model; they pass as they are.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhouse.guard.blobs.anchors import Block, blocks_of
from stillhouse.guard.blobs.places import Places, Said, Slot, blob, dicts, said_by

__all__ = ["MessagesPlaces"]

_SAID: dict[str, Said] = {"user": "client", "assistant": "model"}
_PLAIN = ("text", "tool_use", "tool_result", "image")


class MessagesPlaces(Places):
    markers = (b"signature", b"redacted", b"encrypted_content")

    def history(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        return dicts(body.get("messages"))

    def said(self, entry: Mapping[str, Any]) -> Said:
        return said_by(entry, _SAID)

    def blocks(self, entry: Mapping[str, Any]) -> list[Block]:
        return blocks_of(entry.get("content"))

    def in_entry(self, entry: dict[str, Any]) -> Iterable[Slot]:
        return _in_content(entry.get("content"))

    def in_body(self, body: dict[str, Any]) -> Iterable[Slot]:
        return _in_content(body.get("content"))

    def in_event(self, data: dict[str, Any]) -> Iterable[Slot]:
        for name in ("content_block", "delta"):
            block = data.get(name)
            if isinstance(block, dict):
                yield from _in_block(block)
        message = data.get("message")
        if isinstance(message, dict):
            yield from self.in_body(message)


def _in_content(content: Any) -> Iterable[Slot]:
    return [slot for block in dicts(content) if block.get("type") not in _PLAIN for slot in _in_block(block)]


def _in_block(block: dict[str, Any]) -> Iterable[Slot]:
    """The slots of a block or of a delta of one, whatever its type: later ones will have the same fields."""
    kind = block.get("type")
    # What stood before a compaction may be dropped by then, and that is all that its conversation is known by.
    bound = kind not in ("compaction", "compaction_delta")
    if "signature" in block:
        yield from blob(block, "signature", bound=bound)
    if "encrypted_content" in block:
        yield from blob(block, "encrypted_content", bound=bound)
    if kind == "redacted_thinking":
        yield from blob(block, "data")
    elif kind == "advisor_tool_result":
        content = block.get("content")
        if isinstance(content, dict):
            yield from blob(content, "encrypted_content")
