"""A request's body: read whole within its limits, and understood once.

What is checked must be what is forwarded. So a body is parsed here, and everything later works on, and forwards, this
one reading of it: where a key is given twice, or written with escapes, no upstream can read another value than we did.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from stillhouse.guard.depth import nests_deeper
from stillhouse.guard.gateway.headers import Headers, first
from stillhouse.guard.gateway.watch import Connection
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import ListenSettings

__all__ = ["ClientGone", "Receive", "parse_body", "read_body"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):
    """The client closed its connection; nobody is left to answer."""


async def read_body(receive: Receive, connection: Connection, headers: Headers, settings: ListenSettings) -> bytes:
    """The whole body. Raises Refusal where it is too long or too slow or encoded, ClientGone where it ends early."""
    announced = first(headers, b"content-length")
    if announced is not None and int(announced) > settings.body_bytes:
        raise _too_large(settings.body_bytes)
    encoding = first(headers, b"content-encoding")
    if encoding not in (None, b"", b"identity"):
        raise Refusal("unsupported_media", "body.encoding", "Compressed bodies are not read; send it plain.")
    # Nearly every body is here already, and a timer costs more than taking it.
    message = await (_taken(receive) if connection.body_waits() else _next(receive, settings.receive_seconds))
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > settings.body_bytes:
            raise _too_large(settings.body_bytes)
        return body
    parts, size = [body], len(body)
    loop = asyncio.get_running_loop()
    until = loop.time() + settings.receive_seconds
    while message.get("more_body", False):
        if size > settings.body_bytes:
            raise _too_large(settings.body_bytes)
        message = await _next(receive, until - loop.time())
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > settings.body_bytes:
        raise _too_large(settings.body_bytes)
    return b"".join(parts)


async def _next(receive: Receive, seconds: float) -> MutableMapping[str, Any]:
    # As asyncio.timeout does it, at a fifth of its cost.
    task = asyncio.current_task()
    assert task is not None
    late: list[bool] = []
    timer = asyncio.get_running_loop().call_later(seconds, _give_up, task, late)
    try:
        return await _taken(receive)
    except asyncio.CancelledError:
        if not late:
            raise
        task.uncancel()
        raise Refusal(
            "timeout_client", "body.slow", "The request's body did not arrive in time; send it again."
        ) from None
    finally:
        timer.cancel()


async def _taken(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


def _give_up(task: "asyncio.Task[object]", late: list[bool]) -> None:
    late.append(True)
    task.cancel()


def _too_large(limit: int) -> Refusal:
    return Refusal("too_large", "body.too_large", f"The body is longer than {limit:,} bytes; send less at once.")


def parse_body(body: bytes, depth: int) -> dict[str, Any]:
    """The JSON object in `body`; Refusal(invalid_request) says what is wrong with it, and where."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = f"{error.msg}, line {error.lineno}, column {error.colno}" if body.strip() else "it is empty"
        raise Refusal("invalid_request", "body.not_json", f"The body is not JSON in UTF-8: {reason}.") from None
    if not isinstance(value, dict):
        raise Refusal("invalid_request", "body.not_object", "The body is not a JSON object.")
    if nests_deeper(body, value, depth):
        raise Refusal("invalid_request", "body.too_deep", f"The body nests deeper than {depth} levels.")
    return value
