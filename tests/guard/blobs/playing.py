"""A provider's turns and a client's, played through a sealer as a gateway does it: what each side then holds."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from stillhouse.guard.blobs.keyring import BlobKey, Keyring
from stillhouse.guard.blobs.sealer import Sealer
from stillhouse.guard.wire.base import AnswerEdit
from stillhouse.guard.wire.sse import EditedStream
from stillhouse.types import Api

__all__ = ["blob", "client_history", "opened", "ring", "sealed_answer", "sealed_stream"]

_FIELD: dict[Api, tuple[str, str]] = {
    "messages": ("messages", "content"),
    "chat.completions": ("messages", "choices"),
    "responses": ("input", "output"),
}


def ring(*numbers: int, seals: int | None = None, salt: str = "") -> Keyring:
    """Keys that are the same in every run."""
    keys = [BlobKey(n, "2026-11-20T00:00:00Z", hashlib.sha512(f"{salt}{n}".encode()).digest()) for n in numbers or (1,)]
    return Keyring(keys, seals=seals or keys[-1].number)


def blob(name: str, size: int = 120) -> str:
    """A provider's blob: random bytes in base64."""
    return base64.b64encode(hashlib.shake_256(name.encode()).digest(size)).decode()


def parsed(value: Any) -> Any:
    """The value as it is after its way over the wire: nothing in it is shared."""
    return orjson.loads(orjson.dumps(value))


def opened(sealer: Sealer, api: Api, request: Mapping[str, Any], account: str = "alice") -> dict[str, Any]:
    """The request as the provider gets it."""
    body, before = parsed(request), parsed(request)
    assert sealer.open_request(api, body, account) == (body != before)
    return dict(body)


def edit_for(sealer: Sealer, api: Api, request: Mapping[str, Any], account: str) -> AnswerEdit:
    edit = sealer.answer_edit(api, opened(sealer, api, request, account), account)
    assert edit is not None
    return edit


def sealed_answer(
    sealer: Sealer, api: Api, request: Mapping[str, Any], answer: Mapping[str, Any], account: str = "alice"
) -> dict[str, Any]:
    """The answer as the client gets it."""
    body = parsed(answer)
    edit_for(sealer, api, request, account).edit_body(body)
    return dict(body)


def sealed_stream(sealer: Sealer, api: Api, request: Mapping[str, Any], stream: bytes, account: str = "alice") -> bytes:
    edited = EditedStream([edit_for(sealer, api, request, account)])
    return edited.feed(stream) + edited.close()


def client_history(
    sealer: Sealer, api: Api, turns: Iterable[list[dict[str, Any]]], account: str = "alice"
) -> list[dict[str, Any]]:
    """The history that a client has after these turns, its own and the model's by turns, beginning with its own.

    Each turn of the model is sealed for the request that holds all that was before it.
    """
    given, answered = _FIELD[api]
    history: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        if number % 2 == 0:
            history += turn
            continue
        request = {given: history}
        if api == "messages":
            (message,) = turn
            history.append({**message, **sealed_answer(sealer, api, request, {answered: message["content"]}, account)})
        elif api == "chat.completions":
            (message,) = turn
            answer = sealed_answer(sealer, api, request, {answered: [{"index": 0, "message": message}]}, account)
            history.append(answer[answered][0]["message"])
        else:
            history += sealed_answer(sealer, api, request, {"id": f"resp_{number}", answered: turn}, account)[answered]
    return list(parsed(history))
