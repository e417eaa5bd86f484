"""The streams of OpenAI's two APIs that answer in `choices`, chat and completions, put together.

Their chunks have the shape of the whole answer, so little has to be known of it: which texts and lists grow, and that
`[DONE]` is the end. Everything else is kept as it was said last.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stillhouse.guard.wire.assembling import EventAssembler
from stillhouse.guard.wire.base import Assembled
from stillhouse.guard.wire.deltas import Grown, Pieces, add, joined
from stillhouse.models.wire.openai import counted

__all__ = ["ChoicesAssembler"]

_SAID_FIRST = frozenset({"id", "object", "created", "model"})


class ChoicesAssembler(EventAssembler):
    """`name` is the `object` of the whole answer; `chat` says that choices have a message."""

    _ends_with_done = True
    _end_marks = (b"[DONE]",)

    def __init__(self, name: str, *, chat: bool) -> None:
        super().__init__()
        self._name = name
        self._chat = chat
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("error"):
            self._failed(event)
            return
        pieces = event.pop("choices", None)
        head = self._head
        for key, value in event.items():
            if key not in head or (value is not None and key not in _SAID_FIRST):
                head[key] = value
        if type(pieces) is list:
            for piece in pieces:
                if type(piece) is dict:
                    self._add(piece)

    def _add(self, piece: dict[str, Any]) -> None:
        index = piece.get("index")
        if type(index) is not int:
            index = 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = {"index": index, "finish_reason": None}
            choice |= {"message": Grown()} if self._chat else {"text": Pieces()}
        for key, value in piece.items():
            if value is None:
                if key not in choice:
                    choice[key] = None
            elif key == "delta":
                if self._chat and type(value) is dict:
                    add(choice["message"], value)
            elif type(value) is list and key not in ("index", "message", "text"):
                have = choice.get(key)
                if type(have) is list:
                    have.extend(value)
                else:
                    choice[key] = value
            elif key == "text" and not self._chat:
                if type(value) is str:
                    choice["text"].append(value)
            elif key == "logprobs":
                choice[key] = _more_logprobs(choice.get(key), value)
            elif key not in ("index", "message"):
                choice[key] = value

    def result(self) -> Assembled:
        """Complete also without `[DONE]` where every choice has its reason to end: some servers leave it at that."""
        result = super().result()
        if result.complete or result.error is not None or self._reader.lost:
            return result
        ended = bool(self._choices) and all(choice["finish_reason"] for choice in self._choices.values())
        return replace(result, complete=ended)

    def _body(self) -> dict[str, Any] | None:
        if not self._head and not self._choices:
            return None
        body = {key: value for key, value in self._head.items() if key != "obfuscation"}
        body["object"] = self._name
        body["choices"] = [self._choice(self._choices[index]) for index in sorted(self._choices)]
        return body

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        whole = {key: joined(value) for key, value in choice.items()}
        if self._chat:
            whole["message"] = {"role": "assistant", "content": None, **whole["message"]}
            calls = whole["message"].get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                if isinstance(call, dict):
                    call.pop("index", None)
        return whole

    def _usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        return counted(body)


def _more_logprobs(have: Any, more: Any) -> Any:
    """Both dialects of log-probabilities are lists in an object, which go on from chunk to chunk."""
    if type(have) is not dict or type(more) is not dict:
        return more
    for key, value in more.items():
        old = have.get(key)
        if type(old) is list and type(value) is list:
            old.extend(value)
        elif value is not None:
            have[key] = value
        else:
            have.setdefault(key, None)
    return have
