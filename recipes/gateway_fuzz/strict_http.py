"""A client that takes nothing for granted: every byte of an answer must be what RFC 9112 lets it be.

Ordinary clients forgive what another program between them and the gateway could read differently, so none is used.
"""

import asyncio
import re
from dataclasses import dataclass, field

__all__ = ["Answered", "Connection", "Ended", "GivenUp", "Malformed"]

_STATUS = re.compile(rb"HTTP/1\.1 ([1-9]\d\d) [\t\x20-\x7e\x80-\xff]*")
_WORD = rb"[\x21-\x7e\x80-\xff]"
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*((?:" + _WORD + rb"(?:[\t ]*" + _WORD + rb")*)?)[\t ]*")
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,8}")
_LONGEST_HEAD = 128 << 10
_EVENT_ENDS = (b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\n")


class Malformed(Exception):
    """What came is no HTTP/1.1."""


class Ended(Exception):
    """The connection ended; `inside` an answer, or where one could have begun."""

    def __init__(self, inside: bool) -> None:
        super().__init__("inside an answer" if inside else "before an answer")
        self.inside = inside


class GivenUp(Ended):
    """A stream of events that was cut within one: what its upstream broke off there can only be cut."""


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes
    closes: bool
    """Whether the gateway said that the connection ends."""


class Connection:
    """One connection; what was read and not used is in `rest`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.rest = bytearray()

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def sent(self) -> None:
        """Until the gateway has taken most of it."""
        await self._writer.drain()

    def close(self, *, abort: bool = False) -> None:
        if abort:
            self._writer.transport.abort()
        else:
            self._writer.close()

    async def answer(self, *, head: bool = False) -> Answered:
        """The next final answer; `head` says that HEAD was asked. Raises Malformed, Ended."""
        while True:
            status, headers = await self._head()
            if status >= 200:
                break
            if status != 100:
                raise Malformed(f"an answer {status}")
        closes = "close" in headers.get("connection", "")
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if head or status in (204, 304):
            body = b""
        elif coding is not None:
            if coding != "chunked" or length is not None:
                raise Malformed(f"transfer-encoding {coding} beside content-length {length}")
            body = await self._chunks(headers.get("content-type", "").startswith("text/event-stream"))
        elif length is not None:
            if not re.fullmatch(r"\d{1,12}", length):
                raise Malformed(f"content-length {length}")
            body = await self._take(int(length))
        else:
            raise Malformed("neither a length nor chunks")
        return Answered(status, headers, body, closes)

    async def more(self) -> bool:
        """Read once; whether there was anything."""
        try:
            data = await self._reader.read(1 << 16)
        except ConnectionError:
            data = b""
        self.rest += data
        return bool(data)

    async def _need(self, inside: bool) -> None:
        if not await self.more():
            raise Ended(inside)

    async def _line(self, inside: bool) -> bytes:
        while (end := self.rest.find(b"\r\n")) < 0:
            if len(self.rest) > _LONGEST_HEAD:
                raise Malformed(f"a line without an end: {bytes(self.rest[:80])!r}")
            await self._need(inside or bool(self.rest))
        line = bytes(self.rest[:end])
        del self.rest[: end + 2]
        return line

    async def _take(self, size: int) -> bytes:
        while len(self.rest) < size:
            await self._need(True)
        data = bytes(self.rest[:size])
        del self.rest[:size]
        return data

    async def _head(self) -> tuple[int, dict[str, str]]:
        line = await self._line(False)
        status = _STATUS.fullmatch(line)
        if status is None:
            raise Malformed(f"the status line {line[:200]!r}")
        headers: dict[str, str] = {}
        while line := await self._line(True):
            found = _FIELD.fullmatch(line)
            if found is None:
                raise Malformed(f"the header line {line[:200]!r}")
            name = found[1].decode().lower()
            if name in headers and name in ("content-length", "transfer-encoding", "connection", "stillhouse-rule"):
                raise Malformed(f"{name} twice")
            headers[name] = found[2].decode("latin-1")
        return int(status[1]), headers

    async def _chunks(self, events: bool) -> bytes:
        parts: list[bytes] = []
        while True:
            try:
                line = await self._line(True)
            except Ended:
                if events and not self.rest and any(parts) and not b"".join(parts).endswith(_EVENT_ENDS):
                    raise GivenUp(True) from None
                raise
            if not _CHUNK.fullmatch(line):
                raise Malformed(f"the chunk size {line[:80]!r}")
            size = int(line, 16)
            parts.append(await self._take(size))
            if await self._take(2) != b"\r\n":
                raise Malformed("a chunk without its end")
            if size == 0:
                return b"".join(parts)
