"""The way to one client: head and body go out together, and a client that takes nothing is let go.

uvicorn writes an answer's head and its body one after the other, which is two system calls, and wakes the client twice.
And it waits for ever for a client to read: for room in a full buffer, and for the rest of one when it closes. So
strangers who read nothing could hold every connection that there is, without a key.
"""

import asyncio
from typing import Any

from stillhouse.guard.gateway.watch import Connection

__all__ = ["ClientTransport"]

_SEND_SECONDS = 120.0


class ClientTransport:
    """A transport in front of `transport`, which is aborted where nothing is taken for `_SEND_SECONDS`."""

    def __init__(self, transport: asyncio.Transport, requests: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self.is_closing = transport.is_closing  # asked for with each answer
        self._transport = transport
        self._requests = requests
        self._loop = loop
        self._head = b""
        self._written = self._taken = 0
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self.is_closing():
            return
        if self._requests.body_follows:
            self._requests.body_follows = False
            self._head = data
            return
        if self._head:
            data, self._head = self._head + data, b""
        self._written += len(data)
        self._transport.write(data)
        if self._timer is None and self._transport.get_write_buffer_size():
            self._look_later()

    def lost(self) -> None:
        """The connection is no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        self._taken = self._written - self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(_SEND_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        left = self._transport.get_write_buffer_size()
        if left and self._written - left == self._taken:
            self._transport.abort()
        elif left:
            self._look_later()
