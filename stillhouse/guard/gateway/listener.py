"""uvicorn as a part of a process that has its own signals, its own loop and several ports."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from stillhouse.errors import ConfigError

__all__ = ["Listener", "bind"]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: whoever runs several servers decides what a signal means."""
        yield


class Listener:
    """One ASGI application on one bound socket."""

    def __init__(self, app: Any, bound: socket.socket, *, http: Any, drain_seconds: float) -> None:
        config = uvicorn.Config(
            app,
            http=http,
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            # Cancelled tasks are not awaited by uvicorn, so requests are counted out before it is told to end.
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
        self._server = _Server(config)
        self._bound = bound
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._bound]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise RuntimeError("the server ended before it began")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more connections, let running requests end, then return."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


def bind(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. ConfigError names the setting where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(2048)
            bound.setblocking(False)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{setting} is {host}:{port}; {reason}; give an address and a port that are free") from None
    return bound
