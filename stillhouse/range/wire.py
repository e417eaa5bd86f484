"""A request as the API of its account has it, and the answer to it.

Whoever asks keeps a conversation in the form of his API from the start (`said`, `answered`, `called`, `returned`),
because a client sends the earlier turns with each request: turning them into another form each time would be most of
the work.
"""

from collections.abc import Mapping
from typing import Any

from stillhouse.range.cast import Answer, Ask, Message
from stillhouse.types import Api, Exchange

__all__ = ["answered", "called", "opening_of", "request_of", "response_of", "returned", "said"]


def said(text: str) -> Message:
    """A turn of the person, the same in every API."""
    return {"role": "user", "content": text}


def answered(text: str, finish: str = "stop") -> Answer:
    """A turn of the model in words."""
    return Answer({"role": "assistant", "content": text}, len(text), finish)


def called(api: Api, call: str, tool: str, arguments: str, decoded: Mapping[str, Any]) -> Answer:
    """A turn of the model that calls a tool; `arguments` is the JSON text of `decoded`."""
    if api == "messages":
        block = {"type": "tool_use", "id": call, "name": tool, "input": decoded}
        return Answer({"role": "assistant", "content": [block]}, len(arguments) + len(tool), "tool")
    function = {"name": tool, "arguments": arguments}
    made = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call, "type": "function", "function": function}],
    }
    return Answer(made, len(arguments) + len(tool), "tool")


def returned(api: Api, call: str, text: str) -> Message:
    """What a tool gave back."""
    if api == "messages":
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": text}]}
    return {"role": "tool", "tool_call_id": call, "content": text}


def request_of(ask: Ask, model: str) -> dict[str, Any]:
    """The body as sent."""
    api, system = ask.account.api, ask.system
    match api:
        case "messages":
            body: dict[str, Any] = {"model": model, "messages": list(ask.messages)}
            if system:
                body["system"] = system
        case "responses":
            body = {"model": model, "input": list(ask.messages)}
            if system:
                body["instructions"] = system
        case "completions" | "embeddings":
            body = {"model": model, "prompt": ask.messages[-1]["content"]}
        case "chat.completions":
            head = [{"role": "system", "content": system}] if system else []
            body = {"model": model, "messages": [*head, *ask.messages]}
    body.update(ask.settings)
    return body


_STOP: dict[str, dict[str, str]] = {
    "chat.completions": {"stop": "stop", "length": "length", "tool": "tool_calls"},
    "messages": {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"},
}


def response_of(ask: Ask) -> dict[str, Any] | None:
    """The body of the answer; None where the request was refused."""
    if ask.status >= 400:
        return None
    answer, api = ask.answer, ask.account.api
    match api:
        case "messages":
            content = answer.message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            return {"type": "message", "role": "assistant", "content": blocks, "stop_reason": _STOP[api][answer.finish]}
        case "responses":
            part = {"type": "output_text", "text": answer.message["content"]}
            made = {"type": "message", "role": "assistant", "content": [part]}
            return {"status": "completed" if answer.finish == "stop" else "incomplete", "output": [made]}
        case "completions" | "embeddings":  # nobody in a composition asks for embeddings
            choice = {"index": 0, "text": answer.message["content"], "finish_reason": answer.finish}
            return {"choices": [choice | dict(answer.extra or {})]}
        case "chat.completions":
            choice = {"index": 0, "message": answer.message, "finish_reason": _STOP[api][answer.finish]}
            return {"choices": [choice | dict(answer.extra or {})]}


def opening_of(exchange: Exchange) -> str | None:
    """The text of a request that begins a conversation; None where it goes on with one, or has no text of one piece."""
    body = exchange.request
    turns = body.get("messages", body.get("input"))
    if not isinstance(turns, list):
        return None
    said_before = [turn for turn in turns if turn["role"] != "system"]
    text = said_before[0]["content"] if len(said_before) == 1 else None
    return text if isinstance(text, str) else None
