"""What tests of detection share: rows and exchanges made by hand, and one small composed world."""

from collections.abc import Sequence
from typing import Any

from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.types import Exchange

__all__ = ["KEY", "MINUTE", "exchange", "row"]

KEY = b"k" * 32
MINUTE = 60_000_000


def row(id: str, at: int, account: str, **more: Any) -> Row:
    """A row of the evidence half without content, unless `more` says otherwise."""
    given: dict[str, Any] = {
        "at": at,
        "id": id,
        "account": account,
        "evidence": True,
        "origin": (),
        "client": token(Kind.CLIENT, 7),
        "wording": (),
        "content": b"",
        "cues": 0,
    }
    return Row(**{**given, **more})


def exchange(id: str, time: str, account: str, messages: Sequence[dict[str, Any]] | str, **more: Any) -> Exchange:
    """A chat exchange; text in the place of messages is one user turn."""
    turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
    return Exchange(
        id=id, time=time, account=account, model="m", api="chat.completions", request={"messages": turns}, **more
    )
