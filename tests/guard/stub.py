"""An upstream on loopback that does what the test's script says, byte by byte: answers, streams, breaks off, stalls.

with Stub(script) as stub: ...        # stub.url ends in /v1; stub.asked has every request that came

`script(asked)` gives the steps of one answer: bytes to send, seconds (float) to wait, or `RESET`, `STALL` or `END`. It
runs in a thread with a loop of its own, so that a test and the gateway under test do not wait for each other.
"""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

__all__ = [
    "END",
    "RESET",
    "STALL",
    "Asked",
    "Step",
    "Stub",
    "chat_answer",
    "chat_chunks",
    "json_answer",
    "sse",
    "stream",
]

Step = bytes | float | str
RESET, STALL, END = "reset", "stall", "end"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in, and whether its client went away before the answer's end (set later)."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> list[Step]:
    """A whole answer with its length."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
    return [_head(status, head) + content]


def stream(events: Iterable[bytes], gap: float = 0.0, status: int = 200, close: bool = True) -> list[Step]:
    """A chunked event stream, one chunk an event, `gap` seconds between them."""
    steps: list[Step] = [_head(status, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})]
    for event in events:
        if gap:
            steps.append(gap)
        steps.append(b"%x\r\n%b\r\n" % (len(event), event))
    return [*steps, b"0\r\n\r\n"] if close else steps


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()


def chat_answer(text: str = "four", model: str = "inner") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def chat_chunks(words: Iterable[str], usage: bool = True) -> list[bytes]:
    """The same as a stream, with its end."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "inner"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
    events = [sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
    events.append(sse({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    if usage:
        told = {"prompt_tokens": 10, "completion_tokens": len(deltas) - 1, "total_tokens": 9 + len(deltas)}
        events.append(sse({**base, "choices": [], "usage": told}))
    return [*events, sse("[DONE]")]


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Stub:
    """The server. `script` may be replaced while it runs."""

    def __init__(self, script: Callable[[Asked], list[Step]]) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._talk, "127.0.0.1", 0, limit=1 << 26), self._loop
        ).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._talks.add(this)
        try:
            while (asked := await self._read(reader)) is not None:
                self.asked.append(asked)
                if not await self._answer(asked, self.script(asked), reader, writer):
                    return
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._talks.discard(this)
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            raw = await reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None
        method, path, _ = first.split(" ")
        return Asked(len(self.asked), method, path, headers, raw)

    async def _answer(
        self, asked: Asked, steps: list[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection goes on."""
        leaving = asyncio.ensure_future(reader.read(1))
        try:
            for step in steps:
                if leaving.done():
                    asked.left.set()
                    return False
                if step == RESET:
                    connection = writer.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                    return False
                if step == END:
                    return False
                if step == STALL:
                    await leaving
                    asked.left.set()
                    return False
                if isinstance(step, float):
                    await asyncio.wait([leaving], timeout=step)
                else:
                    assert isinstance(step, bytes)
                    writer.write(step)
                    await writer.drain()
            return not leaving.done()
        except ConnectionError:
            asked.left.set()
            return False
        finally:
            leaving.cancel()
            await asyncio.wait([leaving])
