"""An answer in the form of chat completions, as the body that `/v1/messages` would have sent.

LiteLLM logs every answer in the chat form, also that to a client who spoke the messages API. The request is in the
client's form, so the answer is turned back: an exchange must not speak two languages.
"""

from collections.abc import Mapping
from typing import Any

from stillhouse.guard.ingest.json_text import decode

__all__ = ["messages_answer"]

_ENDS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def messages_answer(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first choice as blocks: thinking, text, tool_use. What is no chat answer comes back as it is."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return answer
    message = choices[0].get("message")
    if not isinstance(message, Mapping):
        return answer
    blocks: list[Any] = []
    thinking = message.get("thinking_blocks")
    if isinstance(thinking, list):
        blocks += thinking
    elif isinstance(message.get("reasoning_content"), str):
        blocks.append({"type": "thinking", "thinking": message["reasoning_content"]})
    if isinstance(message.get("content"), str):
        blocks.append({"type": "text", "text": message["content"]})
    calls = message.get("tool_calls")
    blocks += [_tool_use(call) for call in (calls if isinstance(calls, list) else [])]
    end = choices[0].get("finish_reason")
    return {
        "id": answer.get("id"),
        "type": "message",
        "role": "assistant",
        "model": answer.get("model"),
        "content": blocks or None,
        "stop_reason": _ENDS.get(end, end) if isinstance(end, str) else None,
    }


def _tool_use(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return call
    arguments = function.get("arguments")
    try:
        given = decode(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        given = arguments  # a model may write broken JSON: kept as the text that it wrote
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": given}
