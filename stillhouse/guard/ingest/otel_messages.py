"""Messages of OpenTelemetry's GenAI conventions, which are lists of parts, as messages of a chat request.

Read in open-telemetry/semantic-conventions-genai, model/gen-ai/gen-ai-input-messages.json,
gen-ai-output-messages.json and gen-ai-system-instructions.json (2b902ce), and the examples beside them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

__all__ = ["chat_choices", "chat_messages", "chat_tools"]

_FINISH = {"tool_call": "tool_calls"}


def chat_messages(instructions: Any, messages: Any) -> list[dict[str, Any]]:
    """System instructions (a list of parts, or text) and the input's messages. ValueError says what is no message."""
    found: list[dict[str, Any]] = []
    if instructions is not None:
        parts = [{"type": "text", "content": instructions}] if isinstance(instructions, str) else instructions
        found += _of_message({"role": "system", "parts": parts})
    for message in _listed(messages, "gen_ai.input.messages"):
        found += _of_message(message)
    return found


def chat_choices(messages: Any, reasons: Sequence[str]) -> list[dict[str, Any]]:
    """The output's messages as choices. `reasons` are the finish reasons of the span, in the same order."""
    choices = []
    for index, message in enumerate(_listed(messages, "gen_ai.output.messages")):
        said = _of_message(message)
        reason = reasons[index] if index < len(reasons) else message.get("finish_reason")
        if not isinstance(reason, str):
            reason = None
        choices.append(
            {
                "index": index,
                "message": said[0] if said else {"role": "assistant", "content": None},
                "finish_reason": _FINISH.get(reason, reason) if reason else None,
            }
        )
    return choices


def chat_tools(definitions: Any) -> list[Any]:
    """Tool definitions as chat requests have them: what describes a function goes below `function`."""
    tools: list[Any] = []
    for tool in _listed(definitions, "gen_ai.tool.definitions"):
        if tool.get("type") == "function" and "function" not in tool:
            tools.append({"type": "function", "function": {key: tool[key] for key in tool if key != "type"}})
        else:
            tools.append(tool)
    return tools


def _of_message(message: Any) -> list[dict[str, Any]]:
    """One message, or one for each tool's answer in it: a chat request has those apart."""
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise ValueError("a message is an object with a role")
    base = {"role": message["role"]}
    if isinstance(message.get("name"), str):
        base["name"] = message["name"]
    parts = message.get("parts")
    if parts is None:
        content = message.get("content")  # older instrumentations
        return [{**base, "content": content if isinstance(content, str | list) else None}]
    content, calls, answers, reasoning = [], [], [], []
    for part in _listed(parts, "parts"):
        kind = part.get("type")
        if kind == "tool_call":
            calls.append(_call(part))
        elif kind == "tool_call_response":
            answer = part.get("response", part.get("result"))
            answers.append({"role": "tool", "tool_call_id": part.get("id"), "content": _text(answer)})
        elif kind in ("reasoning", "thinking"):
            reasoning.append(_text(part.get("content")) or "")
        else:
            content.append(_content(part))
    if answers and not (content or calls or reasoning):
        return answers
    said: dict[str, Any] = {**base, "content": _joined(content)}
    if reasoning:
        said["reasoning_content"] = "\n".join(reasoning)
    if calls:
        said["tool_calls"] = calls
    return [said, *answers]


def _joined(content: list[dict[str, Any]]) -> Any:
    if not content:
        return None
    if len(content) == 1 and content[0].get("type") == "text":
        return content[0].get("text")
    return content


def _content(part: Mapping[str, Any]) -> dict[str, Any]:
    kind, modality, mime = part.get("type"), part.get("modality"), part.get("mime_type")
    if kind == "text":
        text = part.get("content", part.get("text"))
        return {"type": "text", "text": text if isinstance(text, str) else None}
    if kind == "uri" and modality == "image":
        return {"type": "image_url", "image_url": {"url": part.get("uri")}}
    if kind == "blob" and modality == "image":
        return {"type": "image_url", "image_url": {"url": f"data:{mime or 'image/*'};base64,{part.get('content')}"}}
    if kind == "blob" and modality == "audio":
        form = mime.rpartition("/")[2] if isinstance(mime, str) else None
        return {"type": "input_audio", "input_audio": {"data": part.get("content"), "format": form}}
    if kind == "file":
        return {"type": "file", "file": {"file_id": part.get("file_id")}}
    return dict(part)  # of no chat form: kept as it is


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": part.get("name"), "arguments": _text(part.get("arguments"))}
    return {"id": part.get("id"), "type": "function", "function": function}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _listed(value: Any, name: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise ValueError(f"{name} is no list of objects")
    return value
