"""Reasoning kept back: its text and its blobs are taken out of answers, and requests no longer ask for them.

A model still reasons as much as it was asked to, so its answers are as good as before; only how it came to them is not
shown. What the request side leaves alone and why:

- Messages keep `thinking` and its budget. Only where a turn goes on after a tool call must manual thinking be off: the
  API refuses such a turn unless it begins with the very thinking block that we kept back, and says that disabling it is
  the way out. `adaptive` thinking makes no such demand.
- Responses lose `reasoning.summary` and the blobs in `include`, which would be made (and paid) for nothing. A client
  that keeps its own history (`store: false`) sends reasoning items back that are now empty; upstreams look such an item
  up by its id and fail, so they are left out.
- Chat has no field that all servers know, and strict servers refuse unknown ones: nothing is changed.

Token counts stay: what was paid for is told.
"""

from typing import Any

from stillhouse.guard.wire.base import AnswerEdit, Wire

__all__ = ["ask_without_reasoning", "reasoning_edit"]

_BLOB = "reasoning.encrypted_content"
_THINKING = ("thinking", "redacted_thinking")
# vLLM, OpenRouter; DeepSeek and most others; OpenRouter's blobs; LiteLLM's copy of Anthropic's blocks.
_CHAT_FIELDS = ("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks")


def ask_without_reasoning(wire: Wire, body: dict[str, Any]) -> tuple[str, ...]:
    """Change a request in place as above. What was stripped, empty where the API shows no reasoning at all."""
    if wire.api == "responses":
        _responses_request(body)
        return ("reasoning",)
    if wire.api == "messages":
        return ("reasoning", "thinking") if _messages_request(body) else ("reasoning",)
    return ("reasoning",) if wire.api == "chat.completions" else ()


def reasoning_edit(wire: Wire) -> AnswerEdit | None:
    """The edit of one answer; None where the API shows no reasoning."""
    if wire.api == "chat.completions":
        return _ChatEdit()
    if wire.api == "responses":
        return _ResponsesEdit()
    return _MessagesEdit() if wire.api == "messages" else None


def _responses_request(body: dict[str, Any]) -> None:
    include = body.get("include")
    if isinstance(include, list) and _BLOB in include:
        body["include"] = [name for name in include if name != _BLOB]
    asked = body.get("reasoning")
    if isinstance(asked, dict):
        for name in ("summary", "generate_summary"):
            asked.pop(name, None)
    given = body.get("input")
    if body.get("store") is False and isinstance(given, list):
        body["input"] = [item for item in given if not (_is_reasoning(item) and not item.get("encrypted_content"))]


def _messages_request(body: dict[str, Any]) -> bool:
    """Whether thinking had to be switched off."""
    asked = body.get("thinking")
    messages = body.get("messages")
    if not isinstance(asked, dict) or asked.get("type") != "enabled" or not isinstance(messages, list):
        return False
    if len(messages) < 2 or not _kinds(messages[-1]) & {"tool_result"}:
        return False
    turn = messages[-2]
    content = turn.get("content") if isinstance(turn, dict) else None
    if isinstance(content, list) and content and isinstance(content[0], dict) and content[0].get("type") in _THINKING:
        return False
    body["thinking"] = {"type": "disabled"}
    return True


def _kinds(message: Any) -> set[str]:
    content = message.get("content") if isinstance(message, dict) else None
    kinds = (block.get("type") for block in content if isinstance(block, dict)) if isinstance(content, list) else ()
    return {kind for kind in kinds if isinstance(kind, str)}


def _is_reasoning(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


class _ChatEdit:
    """Fields of a message or a delta. One that is empty then is still a valid chunk, and is sent."""

    markers = (b"reasoning", b"thinking")

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        self._edit(data, "delta")
        return data

    def edit_body(self, body: dict[str, Any]) -> bool:
        self._edit(body, "message")
        return True

    @staticmethod
    def _edit(data: dict[str, Any], holder: str) -> None:
        choices = data.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            message = choice.get(holder) if isinstance(choice, dict) else None
            if not isinstance(message, dict):
                continue
            found = [message.pop(field) for field in _CHAT_FIELDS if field in message]
            if any(found):
                # They spell the reasoning out, token by token.
                for name in ("logprobs", "token_ids"):
                    if choice.get(name) is not None:
                        choice[name] = None


class _MessagesEdit:
    """Thinking blocks go, whole; later blocks move up, so that a client finds each where its index says."""

    def __init__(self) -> None:
        self._gone: set[int] = set()

    @property
    def markers(self) -> tuple[bytes, ...]:
        return (b"thinking", b'"index"') if self._gone else (b"thinking",)

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        if data.get("type") == "message_start" and isinstance(data.get("message"), dict):
            self.edit_body(data["message"])
            return data
        index = data.get("index")
        if not isinstance(index, int):
            return data
        block = data.get("content_block")
        if isinstance(block, dict) and block.get("type") in _THINKING:
            self._gone.add(index)
        if index in self._gone:
            return None
        data["index"] = index - sum(gone < index for gone in self._gone)
        return data

    def edit_body(self, body: dict[str, Any]) -> bool:
        content = body.get("content")
        if isinstance(content, list):
            body["content"] = [
                block for block in content if not (isinstance(block, dict) and block.get("type") in _THINKING)
            ]
        return True


class _ResponsesEdit:
    """Reasoning items stay, emptied, since calls of functions refer to them; events that only carry reasoning go."""

    markers = (b"reasoning",)

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        kind = data.get("type")
        if isinstance(kind, str) and kind.startswith("response.reasoning"):
            return None
        part = data.get("part")
        if isinstance(part, dict) and part.get("type") in ("reasoning_text", "summary_text"):
            return None
        _empty(data.get("item"))
        if isinstance(data.get("response"), dict):
            self.edit_body(data["response"])
        return data

    def edit_body(self, body: dict[str, Any]) -> bool:
        """An answer, or a page of the items that one was asked with."""
        for name in ("output", "data"):
            items = body.get(name)
            for item in items if isinstance(items, list) else ():
                _empty(item)
        return True


def _empty(item: Any) -> None:
    if _is_reasoning(item):
        item["summary"] = []
        if item.get("content") is not None:
            item["content"] = []
        if item.get("encrypted_content") is not None:
            item["encrypted_content"] = None
