"""A real HTTP server on loopback that fails on command: what each request gets is decided by a function of the test.

It runs in the event loop of the test and speaks just enough HTTP/1.1 for one client library, so that it can do what a
proper server never does: cut a connection, say nothing, stop in the middle of a body.
"""

import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

__all__ = ["Asked", "FaultServer", "Reply", "chat_answer", "cut", "reset", "stall"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in. `number` counts from 0."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The content of its last message."""
        content: str = self.body["messages"][-1]["content"]
        return content


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request gets. `how` is `whole`, `cut` (half of the body), `reset` or `stall`; `kind` is what we count."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    how: str = "whole"
    kind: str = ""
    seconds: float = 0.0

    @classmethod
    def json(
        cls,
        body: Any,
        status: int = 200,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        seconds: float = 0.0,
    ) -> Self:
        return cls(json.dumps(body).encode(), status, headers or {}, kind=kind, seconds=seconds)


def chat_answer(text: str, finish: str = "stop", read: int = 10, written: int = 5) -> dict[str, Any]:
    """A body of `chat.completions` with one answer."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def reset() -> Reply:
    """The connection is cut instead of an answer."""
    return Reply(how="reset", kind="connection reset")


def stall() -> Reply:
    """Nothing is said until the client goes away."""
    return Reply(how="stall", kind="stall")


def cut(body: Any, *, lengthy: bool) -> Reply:
    """Half of a body: then the connection ends (`lengthy`: the header promised more), or HTTP is content with it."""
    whole = json.dumps(body).encode()
    if lengthy:
        return Reply(whole, how="cut", kind="malformed body")
    return Reply(whole[: len(whole) // 2], kind="malformed body")


class FaultServer:
    """`async with FaultServer(script) as server`: `script` makes a Reply of each request.

    `asked` keeps every request, `injected` counts the replies that have a kind, `most_at_once` requests under way.
    """

    def __init__(self, script: Callable[[Asked], Reply]) -> None:
        self.asked: list[Asked] = []
        self.injected: Counter[str] = Counter()
        self.most_at_once = 0
        self._at_once = 0
        self._script = script
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """The base URL of its API."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._talks.values():
            writer.transport.abort()
        await asyncio.gather(*self._talks)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._talks[this] = writer
        try:
            while (asked := await self._read(reader)) is not None:
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    if not await self._reply(self._script(asked), reader, writer):
                        return
                finally:
                    self._at_once -= 1
        finally:
            del self._talks[this]
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None
        asked = Asked(len(self.asked), first.split(" ")[1], headers, body)
        self.asked.append(asked)
        return asked

    async def _reply(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if reply.kind:
            self.injected[reply.kind] += 1
        if reply.seconds:
            await asyncio.sleep(reply.seconds)
        if reply.how == "reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        if reply.how == "stall":
            await reader.read()
            return False
        head = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in head.items())]
        sent = reply.body[: len(reply.body) // 2] if reply.how == "cut" else reply.body
        writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
        await writer.drain()
        return reply.how == "whole"
