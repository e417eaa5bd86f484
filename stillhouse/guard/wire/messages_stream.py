"""A stream of Anthropic's `messages` put together: blocks that begin, grow and stop, in a message that does the same.

Deltas of kinds that are not known here are added by the names of their fields, so that later kinds arrive whole too.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from stillhouse.guard.wire.assembling import HIDDEN, EventAssembler
from stillhouse.guard.wire.deltas import Pieces
from stillhouse.guard.wire.odd_json import too_deep
from stillhouse.guard.wire.partial_json import read_cut_off

__all__ = ["MessagesAssembler"]


class _Block:
    """A content block as it began, and what has grown since."""

    __slots__ = ("began", "input", "texts")

    def __init__(self, began: dict[str, Any]) -> None:
        self.began = began
        self.texts: dict[str, Pieces] = {}
        self.input = Pieces()

    def body(self) -> dict[str, Any]:
        grown: dict[str, Any] = {}
        for field, pieces in self.texts.items():
            before = self.began.get(field)
            grown[field] = (before if isinstance(before, str) else "") + "".join(pieces)
        if any(self.input):
            grown["input"] = _input("".join(self.input))
        return self.began | grown


def _input(text: str) -> Any:
    try:
        value = orjson.loads(text)
        if not too_deep(text.encode(), value):
            return value
    except orjson.JSONDecodeError:
        pass
    try:
        return read_cut_off(text)
    except ValueError:
        # Tools' input may be streamed before it is known to be JSON; Anthropic's guide wraps what is none like this.
        return {"INVALID_JSON": text}


class MessagesAssembler(EventAssembler):
    """`usage` counts the tokens of a whole message."""

    _end_marks = (b"message_stop", HIDDEN)

    def __init__(self, usage: Callable[[Mapping[str, Any]], dict[str, int]]) -> None:
        super().__init__()
        self._count = usage
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, _Block] = {}

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "content_block_delta":
            index, delta = event.get("index"), event.get("delta")
            block = self._blocks.get(index) if type(index) is int else None
            if block is not None and type(delta) is dict:
                self._grow(block, delta)
        elif kind == "content_block_start":
            index, began = event.get("index"), event.get("content_block")
            if type(index) is int and type(began) is dict:
                self._begin()
                self._blocks[index] = _Block(began)
        elif kind == "message_start":
            if type(message := event.get("message")) is dict:
                self._message = message
        elif kind == "message_delta":
            self._change(event)
        elif kind == "message_stop":
            self._ended = True
        elif kind == "error":
            self._failed(event)

    @staticmethod
    def _grow(block: _Block, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        for field, value in delta.items():
            if field == "type":
                pass
            elif field == "partial_json":
                if type(value) is str:
                    block.input.append(value)
            elif kind == "citations_delta" and field == "citation":
                have = block.began.get("citations")
                block.began["citations"] = [*(have if isinstance(have, list) else ()), value]
            elif type(value) is str and kind not in ("signature_delta", "compaction_delta"):
                pieces = block.texts.get(field)
                if pieces is None:
                    pieces = block.texts[field] = Pieces()
                pieces.append(value)
            else:
                # Signatures and compactions come whole.
                block.began[field] = value

    def _begin(self) -> dict[str, Any]:
        """The message; llama.cpp leaves its start out where the first token is half a character."""
        if self._message is None:
            self._message = {"type": "message", "role": "assistant", "content": []}
        return self._message

    def _change(self, event: dict[str, Any]) -> None:
        message = self._begin()
        for field, value in event.items():
            if field == "delta":
                for name, changed in value.items() if isinstance(value, dict) else ():
                    if changed is not None or name not in message:
                        message[name] = changed
            elif field == "usage":
                # Counts are running totals; one that is not told again stays.
                have = message.get("usage")
                told = value if isinstance(value, dict) else {}
                message["usage"] = (have if isinstance(have, dict) else {}) | {
                    name: count for name, count in told.items() if count is not None
                }
            elif field != "type":
                message[field] = value

    def _body(self) -> dict[str, Any] | None:
        if self._message is None or not self._blocks:
            return self._message
        return {**self._message, "content": [self._blocks[index].body() for index in sorted(self._blocks)]}

    def _usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        return self._count(body)
