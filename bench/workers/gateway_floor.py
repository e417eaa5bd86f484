"""What any Python gateway on this stack costs at least: uvicorn before, aiohttp behind, and nothing in between.

    python -m bench.workers.gateway_floor --port 9200 --upstream http://127.0.0.1:9100

It reads a request to its end, forwards it, and passes on each piece of the answer as it comes. It knows no keys,
limits, rules or log; uvicorn and aiohttp are set as in the Stillhouse gateway (uvloop, httptools, no access log).
"""

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn
import yarl

__all__: list[str] = []

_Message = MutableMapping[str, Any]
# Headers that belong to one connection and not to the request (RFC 9110, 7.6.1).
_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)


class PassThrough:
    """The ASGI application. Its connections are made with the first request, since they need the running loop."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in _HOP and name not in (b"host", b"content-length")
        ]
        url = yarl.URL(self._upstream + scope["raw_path"].decode("latin-1"), encoded=True)
        if self._session is None:
            self._session = _session()
        async with self._session.request(scope["method"], url, data=body, headers=headers) as answer:
            kept = [(name, value) for name, value in answer.raw_headers if name.lower() not in _HOP]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            while piece := await answer.content.readany():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    options = parser.parse_args()
    uvicorn.run(
        PassThrough(options.upstream),
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
