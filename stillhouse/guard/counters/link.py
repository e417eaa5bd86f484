"""One connection to Valkey or Redis that many requests use at once: pipelined, with a short patience.

Why not redis-py: its call costs some 90 microseconds of this process's CPU, and a request makes two; here it is 16,
since what requests of one turn of the loop send goes out in one write (dev/LOG.md, 2026-11-28). What is needed of the
protocol (RESP2) is little: commands out, and replies of five kinds back in the order of the commands.
"""

import asyncio
import ssl
from collections import deque
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from stillhouse.errors import ConfigError

__all__ = ["Address", "Link", "LinkLost", "Refused", "bulk", "pack", "parse_address"]

_SCHEMES = {"redis": False, "valkey": False, "rediss": True, "valkeys": True}
_PORT = 6379
_OPEN_SECONDS = 1.0


class LinkLost(Exception):
    """There is no connection, or it broke, or no reply came in time."""


class Refused(Exception):
    """The server answered with an error; its text."""


class Address(NamedTuple):
    """Where the server is, and what it is told first."""

    host: str
    port: int
    database: int
    user: str
    password: str
    tls: bool

    def __repr__(self) -> str:
        """Without the password, wherever it is shown."""
        return f"{self.host}:{self.port}/{self.database}"


def parse_address(url: str) -> Address:
    """`redis://user:password@host:port/0`, or rediss:// for TLS. Raises ConfigError, which does not show it."""
    try:
        parts = urlsplit(url)
        database = int(parts.path.strip("/") or "0")
        port = parts.port or _PORT
    except ValueError:
        parts, database, port = urlsplit(""), 0, 0
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ConfigError(
            "state.counters: not `memory` and no address; give one like redis://127.0.0.1:6379/0 or rediss:// for TLS"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Address(parts.hostname, port, database, user, password, _SCHEMES[parts.scheme])


def bulk(part: str) -> str:
    """One part of a command as it goes over the wire, in text; its length counts bytes."""
    return f"${len(part) if part.isascii() else len(part.encode())}\r\n{part}\r\n"


def pack(*parts: str) -> bytes:
    """A command as it goes over the wire."""
    return (f"*{len(parts)}\r\n" + "".join([bulk(part) for part in parts])).encode()


class Link(asyncio.Protocol):
    """Made by `Link.open`. `lost` says that it is of no use any more; it never comes back, another is opened."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._unsent: list[tuple[bytes, asyncio.Future[Any]]] = []
        self._unread = b""
        self._late = False
        self._timer: asyncio.TimerHandle | None = None
        self.lost: str | None = None

    @classmethod
    async def open(cls, address: Address, seconds: float) -> "Link":
        """Connect and say who we are. `seconds` is how long a reply may take. Raises LinkLost, Refused."""
        context = ssl.create_default_context() if address.tls else None
        loop = asyncio.get_running_loop()
        link, opened = None, False
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                _, link = await loop.create_connection(lambda: cls(seconds), address.host, address.port, ssl=context)
                if address.password:
                    await link.call(pack("AUTH", *([address.user] if address.user else []), address.password))
                if address.database:
                    await link.call(pack("SELECT", str(address.database)))
                await link.call(pack("PING"))
            opened = True
        except (OSError, TimeoutError) as error:
            raise LinkLost(str(error) or "it does not answer") from None
        finally:  # also where whoever opens it is cancelled
            if link is not None and not opened:
                link.abort("it was not opened")
        return link

    def call(self, command: bytes) -> "asyncio.Future[Any]":
        """Send a packed command; the reply: int, bytes, list or None. Raises Refused, LinkLost from the future."""
        future = self._loop.create_future()
        if self.lost is not None:
            future.set_exception(LinkLost(self.lost))
            return future
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append((command, future))
        return future

    def abort(self, reason: str) -> None:
        """Cut it; whoever waits gets LinkLost."""
        if self.lost is not None:
            return
        self.lost = reason
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        for _, future in (*self._waiting, *self._unsent):
            if not future.done():
                future.set_exception(LinkLost(reason))
        self._waiting.clear()
        self._unsent.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one and does not inherit from it

    def connection_lost(self, error: Exception | None) -> None:
        self.abort(str(error) if error is not None else "the server closed the connection")

    def data_received(self, data: bytes) -> None:
        unread = self._unread + data if self._unread else data
        at = 0
        while self._waiting:
            parsed = _parse(unread, at)
            if parsed is None:
                break
            reply, at = parsed
            _, future = self._waiting.popleft()
            if future.done():
                continue
            if isinstance(reply, Refused):
                future.set_exception(reply)
            else:
                future.set_result(reply)
        self._unread = unread[at:]

    def _send(self) -> None:
        """All that this turn of the loop had to send, in one write. Only from here on is the server waited for."""
        if not self._unsent:
            return
        now = self._loop.time()
        self._waiting.extend([(now, future) for _, future in self._unsent])
        if self._transport is not None:
            self._transport.write(b"".join([command for command, _ in self._unsent]))
        self._unsent.clear()
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._watch)

    def _watch(self) -> None:
        """Look whether the oldest command has waited too long.

        Where the loop itself was busy, the reply may lie in the socket unread, so a late one gets another turn first.
        """
        self._timer = None
        if not self._waiting:
            self._late = False
            return
        left = self._waiting[0][0] + self._seconds - self._loop.time()
        if left <= 0 and self._late:
            self.abort(f"no reply within {self._seconds * 1000:.0f} ms")
            return
        self._late = left <= 0
        self._timer = self._loop.call_later(max(left, 0.005), self._watch)


def _parse(data: bytes, at: int) -> tuple[Any, int] | None:
    """One reply and where the next begins; None where it is not all there yet. An error is a value here."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, text, after = data[at], data[at + 1 : end], end + 2
    if kind == 36:  # $ bytes
        length = int(text)
        if length < 0:
            return None, after
        if len(data) < after + length + 2:
            return None
        return data[after : after + length], after + length + 2
    if kind == 58:  # : number
        return int(text), after
    if kind == 42:  # * list
        items: list[Any] = []
        for _ in range(int(text)):
            item = _parse(data, after)
            if item is None:
                return None
            value, after = item
            items.append(value)
        return items, after
    if kind == 45:  # - error
        return Refused(text.decode("utf-8", "replace")), after
    return text, after  # + a word
