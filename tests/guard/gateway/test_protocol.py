"""Raw bytes to a real listener: what smuggling, flooding and stalling are made of gets an error, and no more."""

import asyncio
import socket
from typing import Any

import orjson
import pytest

from stillhouse.guard.gateway import client_transport, protocol
from stillhouse.guard.gateway.listener import Listener, bind
from stillhouse.guard.gateway.protocol import GuardedHttp

HOST = b"Host: here\r\n"


async def seen(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the path and the whole body that it was given; /slow streams for a while."""
    body = b""
    if scope["path"] == "/refused":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/slow":
        for _ in range(20):
            await send({"type": "http.response.body", "body": b"piece", "more_body": True})
            await asyncio.sleep(0.02)
    names = [name.decode() for name, _ in scope["headers"]]
    content = orjson.dumps({"path": scope["path"], "body": body.decode(), "headers": names})
    await send({"type": "http.response.body", "body": content, "more_body": False})


def talk(sent: list[bytes], gap: float = 0.05, linger: float = 0.4) -> tuple[bytes, bool]:
    """What comes back for the pieces sent, and whether the server closed the connection."""

    async def run() -> tuple[bytes, bool]:
        bound = bind("127.0.0.1", 0, "test")
        listener = Listener(seen, bound, http=GuardedHttp, drain_seconds=1)
        port = bound.getsockname()[1]
        await listener.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in sent:
                writer.write(piece)
                await asyncio.sleep(gap)
            back = b""
            try:
                async with asyncio.timeout(linger):
                    while data := await reader.read(1 << 16):
                        back += data
                return back, True
            except TimeoutError:
                return back, False
            except ConnectionResetError:
                return back, True
            finally:
                writer.close()
        finally:
            await listener.stop()

    return asyncio.run(run())


def code_of(answer: bytes) -> tuple[int, str]:
    """Status and rule of an error answer, which has to be one whole JSON answer and nothing more."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head and b"connection: close" in head
    return int(head.split(b" ")[1]), orjson.loads(body)["error"]["code"]


def test_plain_requests_are_served_on_one_connection() -> None:
    one = b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
    two = b"POST /b HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n"
    back, closed = talk([one, two])
    assert back.count(b"HTTP/1.1 200") == 2 and b'"abc"' in back and b'"def"' in back and not closed


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: 3, 3\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"X: a\r\n b\r\n",
        b"X: a\nY: b\r\n",
        b"X: a\x00b\r\n",
        b"X\xff: a\r\n",
        b": a\r\n",
        b"Host: there\r\n",
        b"Authorization: Bearer a\r\nauthorization: Bearer b\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n",
    ],
)
def test_what_two_servers_could_read_differently_is_refused(headers: bytes) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    back, closed = talk([b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\nabc" + smuggled])
    assert code_of(back) == (400, "http.malformed") and closed and b"smuggled" not in back


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"chunked, identity", b"identity", b"xchunked"])
def test_other_codings_are_refused(coding: bytes) -> None:
    back, closed = talk([b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n"])
    assert code_of(back)[0] in (400, 501) and closed


def test_a_request_without_host_is_refused() -> None:
    assert code_of(talk([b"GET / HTTP/1.1\r\n\r\n"])[0]) == (400, "http.malformed")


@pytest.mark.parametrize(
    "start",
    [b"CONNECT there:443 HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n", b"GET /\xc3\xa4 HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00"],
)
def test_other_protocols_are_refused(start: bytes) -> None:
    back, closed = talk([start + HOST + b"\r\n"])
    assert closed and code_of(back)[0] == 400


@pytest.mark.parametrize(
    "headers", [b"X: " + b"a" * (1 << 20) + b"\r\n", b"".join(b"X-%d: a\r\n" % number for number in range(5_000))]
)
def test_long_headers_are_refused(headers: bytes) -> None:
    back, closed = talk([b"GET / HTTP/1.1\r\n" + HOST + headers + b"\r\n"])
    assert closed and (back == b"" or code_of(back) == (431, "http.headers_too_large"))


def test_headers_that_do_not_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.2)
    for sent in ([], [b"GET / HT"], [b"GET / HTTP/1.1\r\nHost: a\r\nX: "]):
        back, closed = talk(sent)
        assert closed and code_of(back) == (408, "http.slow")
    served = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    for rest, told in ((b"\r\n", 0), (b"GET / HT", 1)):
        back, closed = talk([served, rest, b""])
        assert closed and back.startswith(b"HTTP/1.1 200 ") and back.count(b"HTTP/1.1 408 ") == told


def test_a_head_is_not_late_while_requests_before_it_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.15)
    slow = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"  # takes 0.4 s
    last = b"GET /last HTTP/1.1\r\n" + HOST + b"\r\n"
    back, _ = talk([slow + slow + last[:20], *[b""] * 17, last[20:]], linger=0.6)
    assert back.count(b"HTTP/1.1 200 ") == 3 and b'"/last"' in back


def test_the_rest_of_a_refused_body_has_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.1)
    monkeypatch.setattr(protocol, "_REST_SECONDS", 0.4)
    head = b"POST /refused HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\n"
    back, closed = talk([head, b"a", b"b", b"c", b"d", b"e", b"f", b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"], linger=0.2)
    assert back.count(b"HTTP/1.1 200 ") == 2 and back.count(b"HTTP/1.1") == 2 and not closed
    back, closed = talk([head, b"a"], linger=0.8)
    assert closed and back.count(b"HTTP/1.1") == 1


def test_a_slow_body_is_no_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.2)
    back, _ = talk([b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\na", b"b", b"c"], gap=0.15)
    assert b" 200 " in back and b'"abc"' in back


def test_a_trailer_is_no_header() -> None:
    body = b"3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n"
    back, _ = talk([b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + body])
    assert b" 200 " in back and b"x-late" not in back


def test_garbage_while_an_answer_streams_ends_it_without_text_inside() -> None:
    back, closed = talk([b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n", b"\x00\x01garbage\r\n\r\n"], gap=0.1)
    assert closed and back.count(b"HTTP/1.1") == 1 and b"error" not in back


@pytest.mark.parametrize("size", [300_000, 20 << 20])
def test_a_client_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(client_transport, "_SEND_SECONDS", 0.2)
    open_connections: list[set[Any]] = []

    async def large(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": bytes(size)})

    async def run() -> None:
        bound = bind("127.0.0.1", 0, "test")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        listener = Listener(large, bound, http=GuardedHttp, drain_seconds=1)
        await listener.start()
        open_connections.append(listener._server.server_state.connections)
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.connect(bound.getsockname())
            silent.sendall((b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 3)
            async with asyncio.timeout(5):
                while not open_connections[0]:
                    await asyncio.sleep(0.01)
                while open_connections[0]:
                    await asyncio.sleep(0.01)
        await listener.stop()

    asyncio.run(run())
    assert open_connections == [set()]


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            ValueError, match=rf"^listen is 127\.0\.0\.1:{port}; Address already in use; give an address"
        ):
            bind("127.0.0.1", port, "listen")


def test_garbage_behind_a_request_that_waits_is_not_put_into_another_answer() -> None:
    slow = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"
    back, closed = talk([slow + b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n" + b"\x00garbage\r\n\r\n"], gap=0.1)
    assert closed and back.count(b"HTTP/1.1") <= 1 and b"error" not in back
