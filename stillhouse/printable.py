"""Names of others in lines of ours: none of them can steer a terminal, or end a line and go on as one of ours."""

from typing import Any

__all__ = ["printable", "printable_all"]


def printable(text: str) -> str:
    """The text with its control characters, ends of lines too, and lone surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def printable_all(value: Any) -> Any:
    """The same of every text in a value as JSON has them."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): printable_all(one) for key, one in value.items()}
    return [printable_all(one) for one in value] if isinstance(value, list) else value
