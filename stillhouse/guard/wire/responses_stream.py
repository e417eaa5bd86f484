"""A stream of OpenAI's `responses` put together.

Its last event holds the whole answer, so usually nothing has to be put together. What came before is kept until then,
for streams that break off and for servers whose last event leaves the output out: finished items as they were sent, and
of unfinished ones the pieces of their texts.
"""

from collections.abc import Mapping
from typing import Any

from stillhouse.guard.wire.assembling import HIDDEN, EventAssembler
from stillhouse.guard.wire.deltas import Pieces
from stillhouse.models.wire.openai import counted

__all__ = ["ResponsesAssembler"]

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_BEGUN = frozenset({"response.created", "response.queued", "response.in_progress"})
# Where an unfinished item keeps the text that an event brings a piece of: in a field of its own, or in a part.
_FIELDS = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.code_interpreter_call_code.delta": "code",
}
_PARTS = {
    "response.output_text.delta": ("content", "output_text", "text"),
    "response.refusal.delta": ("content", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text", "text"),
}


class _Item:
    """An output item that is not done: as it was added, and what has grown since."""

    __slots__ = ("added", "done", "fields", "parts")

    def __init__(self) -> None:
        self.added: dict[str, Any] = {}
        self.done = False
        self.fields: dict[str, Pieces] = {}
        self.parts: dict[tuple[str, int], tuple[str, str, Pieces]] = {}

    def body(self) -> dict[str, Any]:
        if self.done:
            return self.added
        body = self.added | {field: "".join(pieces) for field, pieces in self.fields.items()}
        for holder, index in sorted(self.parts):
            kind, field, pieces = self.parts[holder, index]
            have = body.get(holder)
            body[holder] = [*(have if isinstance(have, list) else ()), {"type": kind, field: "".join(pieces)}]
        return body


class ResponsesAssembler(EventAssembler):
    """Of one answer, or of what is left of it (`starting_after`)."""

    _end_marks = (*(kind.encode() for kind in _LAST), HIDDEN)

    def __init__(self) -> None:
        super().__init__()
        self._response: dict[str, Any] | None = None
        self._items: dict[int | str, _Item] = {}

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if type(kind) is not str:
            if event.get("error"):
                self._failed(event)
        elif kind in _PARTS:
            self._add_to_part(event, *_PARTS[kind])
        elif kind in _FIELDS:
            if type(piece := event.get("delta")) is str:
                self._item(event).fields.setdefault(_FIELDS[kind], Pieces()).append(piece)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            if type(added := event.get("item")) is dict:
                item = self._item(event)
                item.added, item.done = added, kind == "response.output_item.done"
        elif kind in _LAST or kind in _BEGUN:
            if type(response := event.get("response")) is dict:
                self._response = response
            self._ended = self._ended or kind in _LAST
            if kind == "response.failed" and self._response is not None and self._response.get("error"):
                self._failed(self._response)
        elif kind == "error":
            self._failed(event)

    def _add_to_part(self, event: dict[str, Any], holder: str, kind: str, field: str) -> None:
        piece = event.get("delta")
        if type(piece) is not str:
            return
        index = event.get("content_index" if holder == "content" else "summary_index")
        key = holder, index if type(index) is int else 0
        parts = self._item(event).parts
        part = parts.get(key)
        if part is None:
            part = parts[key] = kind, field, Pieces()
        part[2].append(piece)

    def _item(self, event: dict[str, Any]) -> _Item:
        """The item that an event is about: by its place, or by its id where a server tells no place."""
        place = event.get("output_index")
        if type(place) is not int:
            place = event.get("item_id")
            inner = event.get("item")
            if type(place) is not str and type(inner) is dict:
                place = inner.get("id")
            if type(place) is not str:
                place = ""
        item = self._items.get(place)
        if item is None:
            item = self._items[place] = _Item()
        return item

    def _body(self) -> dict[str, Any] | None:
        response = self._response
        if response is None or response.get("output") or not self._items:
            return response
        # Those that only have an id stay as they came, after those that have a place.
        order = sorted(self._items, key=lambda place: place if isinstance(place, int) else float("inf"))
        return {**response, "output": [self._items[place].body() for place in order]}

    def _usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        return counted(body)
