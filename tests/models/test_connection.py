"""One try: whatever comes back is a value with one word for what went wrong."""

import asyncio
import json
from typing import Any

import pytest

from stillhouse.models.connection import Connection, Try
from stillhouse.models.endpoint import EndpointSettings
from tests.fault_server import FaultServer, Reply, cut, reset, stall


def tried(reply: Reply, secret: str | None = None, timeout: float = 0.3) -> Try:
    async def go() -> Try:
        async with FaultServer(lambda asked: reply) as server:
            connection = Connection(EndpointSettings(base_url=server.url, timeout=timeout), {}, secret, {})
            try:
                return await connection.post(f"{server.url}/chat/completions", b'{"model": "m"}')
            finally:
                await connection.close()

    return asyncio.run(go())


def test_an_answer_is_its_body() -> None:
    assert tried(Reply.json({"a": 1})) == Try(kind="", status=200, body={"a": 1})


@pytest.mark.parametrize(
    ("reply", "kind", "status"),
    [
        (reset(), "connection reset", None),
        (stall(), "stall", None),
        (cut({"a": "b" * 50}, lengthy=True), "malformed body", 200),
        (cut({"a": "b" * 50}, lengthy=False), "malformed body", 200),
        (Reply(b"{}", headers={"Content-Encoding": "gzip"}), "malformed body", 200),
        (Reply(b'"text"'), "malformed body", 200),
        (Reply(b"", 204), "malformed body", 204),
        (Reply(b"", 529), "HTTP 529", 529),
        (Reply.json({"error": {"code": "rate_limit_exceeded"}}, 429), "HTTP 429", 429),
        (Reply.json({"error": {"code": "insufficient_quota"}}, 429), "quota used up", 429),
        (Reply.json({"error": {"code": "billing_hard_limit_reached"}}, 400), "quota used up", 400),
        (Reply.json({"error": {"message": "Your credit balance is too low to ask."}}, 400), "quota used up", 400),
        (Reply.json({"error": {"message": "What is insufficient_quota?"}}, 400), "HTTP 400", 400),
    ],
)
def test_kinds_of_failure(reply: Reply, kind: str, status: int | None) -> None:
    found = tried(reply)
    assert (found.kind, found.status, found.body) == (kind, status, None)


def test_a_request_that_does_not_go_out_whole_is_not_sent() -> None:
    """Nobody reads at the other end, and no buffer on the way holds 64 MiB."""

    async def go() -> Try:
        done = asyncio.Event()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await done.wait()
            writer.transport.abort()

        async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            connection = Connection(EndpointSettings(base_url=url, timeout=0.3), {}, None, {})
            try:
                return await connection.post(url, bytes(64 << 20))
            finally:
                done.set()
                await connection.close()

    found = asyncio.run(go())
    assert (found.kind, found.status) == ("request not sent", None)


def test_a_proxy_that_opens_no_tunnel_sends_nothing_on() -> None:
    async def go() -> Try:
        async def unwilling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(unwilling, "127.0.0.1", 0) as server:
            environ = {"https_proxy": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
            connection = Connection(EndpointSettings(base_url="https://host/v1"), {}, None, environ)
            try:
                return await connection.post("https://host/v1/x", b"{}")
            finally:
                await connection.close()

    assert asyncio.run(go()) == Try(kind="request not sent", message="407 Who are you")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "a\n b", "code": 1}}, "a b"),
        ({"type": "error", "error": {"type": "t", "message": "c"}}, "c"),
        ({"detail": "d"}, "d"),
        ({"detail": [{"loc": ["n"]}]}, '[{"loc": ["n"]}]'),
        ({"message": "e"}, "e"),
        ({"odd": 1}, '{"odd": 1}'),
        ([1], "[1]"),
        ({"error": "x" * 400}, "x" * 297 + "..."),
        ({"error": "your key sk-key-1 is wrong"}, "your key [key] is wrong"),
    ],
)
def test_what_an_error_body_says(body: Any, message: str) -> None:
    assert tried(Reply.json(body, 400), secret="sk-key-1").message == message


def test_an_error_without_a_body_says_its_reason_or_where_to_go() -> None:
    assert tried(Reply(b"<html>Bad Gateway</html>", 502)).message == "<html>Bad Gateway</html>"
    assert tried(Reply(b"", 500)).message == "Said"
    assert tried(Reply(b"", 308, {"Location": "/v2"})).message == "/v2"


def test_an_error_body_nested_without_end_is_shown_as_it_is() -> None:
    found = tried(Reply(b"[" * 100_000 + b"]" * 100_000, 400))
    assert found.kind == "HTTP 400" and found.message == "[" * 297 + "..."


def test_an_error_body_that_is_cut_keeps_its_status() -> None:
    whole = json.dumps({"error": {"message": "no"}}).encode()
    found = tried(Reply(whole, 401, how="cut"))
    assert (found.kind, found.status) == ("HTTP 401", 401)


@pytest.mark.parametrize("key", ["sk-do-not-show", 'sk/"quoted"\\'])
def test_a_body_that_repeats_the_key_comes_without_it(key: str) -> None:
    body = {"a": f"your {key}!", key: [key]}
    assert tried(Reply.json(body), secret=key).body == {"a": "your [key]!", "[key]": ["[key]"]}
    escaped = json.dumps(body).replace("/", "\\/").replace("k", "\\u006b").encode()
    assert tried(Reply(escaped), secret=key).body == {"a": "your [key]!", "[key]": ["[key]"]}
    assert key not in tried(Reply.json({"error": body}, 400), secret=key).message


def test_a_word_that_serves_as_key_is_no_secret() -> None:
    assert tried(Reply.json({"a": "EMPTY"}), secret="EMPTY").body == {"a": "EMPTY"}


def test_proxies_of_the_process_do_not_see_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go(given: bool) -> tuple[list[str], list[str]]:
        reply = Reply.json({})
        async with FaultServer(lambda asked: reply) as server, FaultServer(lambda asked: reply) as proxy:
            address = proxy.url.removesuffix("/v1")
            monkeypatch.setenv("http_proxy", address)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            environ = {"http_proxy": address} if given else {}
            connection = Connection(EndpointSettings(base_url=server.url), {}, None, environ)
            await connection.post(f"{server.url}/x", b"{}")
            await connection.close()
            return [asked.path for asked in server.asked], [asked.path for asked in proxy.asked]

    assert asyncio.run(go(given=False)) == (["/v1/x"], [])
    straight, proxied = asyncio.run(go(given=True))
    assert straight == [] and len(proxied) == 1 and proxied[0].endswith("/v1/x")
