"""The connection: addresses, commands, replies cut anywhere, and one that breaks."""

import asyncio
import contextlib
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.errors import ConfigError
from stillhouse.guard.counters.link import Address, Link, LinkLost, Refused, pack, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address("localhost", 6379, 0, "", "", False)),
        ("redis://127.0.0.1:7000/2", Address("127.0.0.1", 7000, 2, "", "", False)),
        ("rediss://user:p%40ss@example.com:6380/0", Address("example.com", 6380, 0, "user", "p@ss", True)),
        ("valkey://:secret@[::1]:6379", Address("::1", 6379, 0, "", "secret", False)),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert parse_address(url) == address
    assert "secret" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://localhost", "redis://", "redis://:pw@h:port", "redis://h/x"]
)
def test_what_is_no_address_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^state\.counters: ") as caught:
        parse_address(url)
    assert "pw" not in str(caught.value)


def test_lengths_count_bytes() -> None:
    assert pack("GET", "a") == b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
    assert pack("ä", "") == "*2\r\n$2\r\nä\r\n$0\r\n\r\n".encode()


REPLIES = b"+OK\r\n:42\r\n$3\r\na\r\n\r\n$-1\r\n-ERR no\r\n*3\r\n:1\r\n$0\r\n\r\n*1\r\n+x\r\n*0\r\n"


@given(st.lists(st.integers(0, len(REPLIES)), max_size=12))
def test_replies_are_read_wherever_they_are_cut(cuts: list[int]) -> None:
    async def go() -> list[Any]:
        link = Link(5.0)
        waiting = [link.call(b"") for _ in range(7)]
        await asyncio.sleep(0)  # they are sent at the end of the turn
        edges = [0, *sorted(cuts), len(REPLIES)]
        for start, end in pairwise(edges):
            link.data_received(REPLIES[start:end])
        return await asyncio.gather(*waiting, return_exceptions=True)

    *replies, last = asyncio.run(go())
    assert replies[:4] == [b"OK", 42, b"a\r\n", None]
    assert isinstance(replies[4], Refused)
    assert str(replies[4]) == "ERR no"
    assert replies[5:] == [[1, b"", [b"x"]]]
    assert last == []


def test_a_server_that_closes_or_is_silent_is_lost() -> None:
    async def go() -> list[str]:
        reasons = []

        handlers: list[asyncio.Task[Any]] = []

        async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for reply in (b"+PONG\r\n", b""):
                await reader.read(100)
                writer.write(reply)

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"+PONG\r\n")
            await reader.read()

        def closing(handler: Any) -> Any:
            async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                handlers.append(cast("asyncio.Task[Any]", asyncio.current_task()))
                with contextlib.suppress(ConnectionError):
                    await handler(reader, writer)
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

            return handle

        for handler in (closes, silent):
            async with await asyncio.start_server(closing(handler), "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                link = await Link.open(Address("127.0.0.1", port, 0, "", "", False), 0.05)
                waiting = [link.call(pack("PING")) for _ in range(3)]
                for future in waiting:
                    with pytest.raises(LinkLost) as caught:
                        await future
                    reasons.append(str(caught.value))
                with pytest.raises(LinkLost):
                    await link.call(pack("PING"))
        await asyncio.gather(*handlers)
        return reasons

    assert asyncio.run(go()) == ["the server closed the connection"] * 3 + ["no reply within 50 ms"] * 3


def test_nobody_listens() -> None:
    async def go() -> None:
        with pytest.raises(LinkLost):
            await Link.open(Address("127.0.0.1", 1, 0, "", "", False), 0.05)

    asyncio.run(go())
