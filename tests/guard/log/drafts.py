"""Drafts and settings for tests of the exchange log."""

import os
from typing import Any

from stillhouse.guard.log.draft import Draft
from stillhouse.guard.settings import LogSettings

__all__ = ["draft", "log_settings"]


def draft(name: str, *, incompressible: int = 0, **changes: Any) -> Draft:
    """A small exchange, or one that takes about `incompressible` bytes on disk."""
    text = os.urandom(incompressible // 2).hex() if incompressible else "What is a stillhouse?"
    fields: dict[str, Any] = {
        "id": name,
        "time": 1785000000.125,
        "account": "acct_1",
        "model": "m",
        "api": "chat.completions",
        "request": b'{"messages":[{"role":"user","content":"%s"}]}' % text.encode(),
        "response": {"choices": [{"message": {"role": "assistant", "content": "né"}, "finish_reason": "stop"}]},
    }
    return Draft(**(fields | changes))


def log_settings(**changes: Any) -> LogSettings:
    return LogSettings(**({"fsync": "always"} | changes))
