"""How the tests of `HttpModel` ask a fault server: one question by its text, settings that retry at once."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel
from stillhouse.types import Message, Sampling
from tests.fault_server import Asked, FaultServer, Reply, chat_answer

__all__ = ["SAMPLING", "answered", "first_then", "model", "question", "settings", "soon"]

SAMPLING = Sampling(max_tokens=8, temperature=0.0)


def question(text: str | int) -> list[Message]:
    return [Message("user", str(text))]


def answered(asked: Asked) -> Reply:
    return Reply.json(chat_answer(f"answer to {asked.text}"))


def soon(asked: Asked) -> Reply:
    """An answer after a moment, so that calls overlap."""
    return Reply.json(chat_answer(f"answer to {asked.text}"), seconds=0.005)


def settings(server: FaultServer, **changes: Any) -> EndpointSettings:
    return EndpointSettings(base_url=server.url, **{"backoff": 0.001, **changes})


def model(server: FaultServer, folder: Path | None = None, **changes: Any) -> HttpModel:
    """A model whose settings are `changes`, with cache and log in `folder`."""
    arguments = {name: changes.pop(name) for name in ("sleep", "clock", "environ") if name in changes}
    return HttpModel(
        "served",
        settings(server, **changes),
        account="test",
        cache=None if folder is None else folder / "cache",
        log=None if folder is None else folder / "log.jsonl",
        random=Random(0),
        **{"environ": {}, **arguments},
    )


def first_then(*replies: Reply) -> Callable[[Asked], Reply]:
    """The replies in turn, and then answers."""

    def script(asked: Asked) -> Reply:
        return replies[asked.number] if asked.number < len(replies) else answered(asked)

    return script
