"""The way back to one client: an answer is begun once, and ended once."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stillhouse.guard.gateway.watch import Connection

__all__ = ["Reply", "Send"]

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Reply:
    """`begun` says whether a status has gone out: from then on a fault can only be told inside the answer.

    `bare` answers have no body, whatever they are given (to HEAD).
    """

    __slots__ = ("_bare", "_connection", "_send", "begun", "status")

    def __init__(self, send: Send, connection: Connection, *, bare: bool) -> None:
        self._send = send
        self._connection = connection
        self._bare = bare
        self.begun = False
        self.status = 0

    def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> Awaitable[None]:
        self.begun = True
        self.status = status
        return self._send({"type": "http.response.start", "status": status, "headers": headers})

    def write(self, piece: bytes) -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def end(self, piece: bytes = b"") -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": piece, "more_body": False})

    def cut(self) -> None:
        """End the connection in the middle of the answer: the client sees that it is not whole."""
        self._connection.close()

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """An answer whose length is known."""
        if status != 204:  # RFC 9110, section 8.6
            headers.append((b"content-length", b"%d" % len(body)))
        self._connection.body_follows = not self._bare
        await self.begin(status, headers)
        await self.end(body)
