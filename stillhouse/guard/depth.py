"""How deep JSON nests, asked where strangers send it.

What nests too deep is read by one library and fails in the next one, or in the reader of the log a year later. So it is
turned away where it comes in.
"""

from typing import Any

__all__ = ["nests_deeper"]


def nests_deeper(text: bytes | str, value: Any, levels: int) -> bool:
    """Whether `value`, read from `text`, nests deeper than `levels`. Walked level by level, without recursion."""
    # As many opening brackets as levels are allowed cannot nest deeper; only what has more is walked.
    brackets = text.count(b"{") + text.count(b"[") if isinstance(text, bytes) else text.count("{") + text.count("[")
    if brackets <= levels:
        return False
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
