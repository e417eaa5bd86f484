"""Tokens of an answer whose server told none: what the model wrote, at four bytes a token.

Only text that was generated counts: not the frame around it, nor what the server says of itself.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["estimated_usage"]

_BYTES_PER_TOKEN = 4
# Where the four APIs put what a model wrote; lists and objects below them are looked through.
_BELOW = ("choices", "message", "output", "content", "tool_calls", "function", "function_call", "summary", "input")
_TEXTS = ("content", "text", "refusal", "reasoning", "reasoning_content", "thinking", "arguments", "partial_json")


def estimated_usage(body: Mapping[str, Any] | None) -> dict[str, int]:
    """`output_tokens` of an answer's body; none of an answer that never began."""
    return {"output_tokens": -(-_written(body) // _BYTES_PER_TOKEN)}


def _written(root: Any) -> int:
    """Bytes of UTF-8 that the model wrote."""
    size, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, Mapping):
            size += sum(
                len(text.encode("utf-8", "replace")) for name in _TEXTS if isinstance(text := node.get(name), str)
            )
            if node.get("type") == "tool_use" and isinstance(given := node.get("input"), Mapping):
                size += sum(len(str(part)) for part in given.values())
            waiting += [node[name] for name in _BELOW if isinstance(node.get(name), list | Mapping)]
    return size
