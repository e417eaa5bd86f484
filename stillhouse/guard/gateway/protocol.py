"""uvicorn's HTTP/1.1, made safe for a port that strangers reach.

uvicorn on httptools refuses most of what request smuggling is made of (tests/guard/gateway/test_protocol.py sends it
all), and leaves to a proxy in front of it: how long and how many headers may be, how long they may take to come,
`Upgrade` (whose body it would read as the next request), codings stacked in Transfer-Encoding, a missing or doubled
Host, and trailers that turn into headers. A gateway may have no proxy in front, so these are closed here.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from stillhouse.guard.gateway.client_transport import ClientTransport
from stillhouse.guard.gateway.watch import Connection
from stillhouse.guard.refusal import Refusal, RefusalKind
from stillhouse.guard.wire.errors import error_body
from stillhouse.guard.wire.routes import family_of

__all__ = ["GuardedHttp", "guarded_http"]

_HEAD_BYTES = 64 << 10
_HEAD_LINES = 200
_HEAD_SECONDS = 15.0
_REST_SECONDS = 60.0
# Of two of these one server takes the first and another the last.
_ONCE = (b"authorization", b"x-api-key", b"content-type")


class _Unacceptable(Exception):
    """Raised inside a parser's callback: the parser turns it into its own error, which ends the connection."""


def guarded_http(refused: Callable[[str], None], connections: int) -> type["GuardedHttp"]:
    """The protocol with a counter that gets the rule of each refusal, and a bound on connections that are open."""
    return type("CountedHttp", (GuardedHttp,), {"refused": staticmethod(refused), "most_connections": connections})


class GuardedHttp(HttpToolsProtocol):
    """One connection. What is no acceptable HTTP gets a JSON error and the connection's end."""

    most_connections = 10_000

    @staticmethod
    def refused(rule: str) -> None:
        """Told the rule of each refusal."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._client: ClientTransport | None = None
        self._requests = Connection(self.loop, self._body_waits, self._close)
        self._running: RequestResponseCycle | None = None
        self._head_done = self._body_done = True
        self._head_size = self._head_count = 0
        self._fault: tuple[int, str] | None = None

    def _body_waits(self) -> bool:
        """Whether something of the running request's body has come that nobody has taken."""
        return self._running is not None and self._running.message_event.is_set()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._client = ClientTransport(transport, self._requests, self.loop)
        super().connection_made(self._client)  # type: ignore[arg-type]
        self._timer = self.loop.call_later(_HEAD_SECONDS, self._head_late)
        if len(self.connections) > self.most_connections:
            self._fault = 503, "Too many connections are open here; try again later."
            self.send_400_response("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._client is not None:
            self._client.lost()
        if self._running is not None:
            # Of requests that came one behind the other uvicorn tells only the last one.
            self._running.disconnected = True
        super().connection_lost(exc)
        self._requests.lost()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Most requests come whole, and need no timer.
        if self._timer is None:
            self._wait_for_more()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["stillhouse.connection"] = self._requests  # type: ignore[typeddict-unknown-key]
        self._head_done = self._body_done = False
        self._head_size = self._head_count = 0

    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer: nothing here uses one, and as a header it would come too late to be checked
        self._head_count += 1
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._head_done = True
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            self._refuse(400, "A request has one Host header.")
        for name in _ONCE:
            if names.count(name) > 1:
                self._refuse(400, f"A request has one {name.decode()} header.")
        if b"upgrade" in names:
            self._refuse(400, "Upgrading a connection is not possible here; speak plain HTTP/1.1.")
        if b"transfer-encoding" in names and any(
            name == b"transfer-encoding" and value.strip().lower() != b"chunked" for name, value in self.headers
        ):
            self._refuse(501, "Only the transfer coding 'chunked' is understood.")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._body_done = True
        self._stop_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_more()

    def send_400_response(self, msg: str) -> None:
        status, message = self._fault or (400, "This is not acceptable HTTP/1.1.")
        unfinished = self.cycle is not None and not self.cycle.response_complete
        if self.pipeline or (unfinished and self.cycle.response_started):
            # Text in the middle of somebody's answer would look like a part of it.
            self.transport.close()
            return
        rule = _RULES.get(status, "http.malformed")
        self.refused(rule)
        kind: RefusalKind = "overloaded" if status == 503 else "invalid_request"
        path = self.url.partition(b"?")[0].decode("latin-1") if hasattr(self, "url") else ""
        body = error_body(family_of(path, False), Refusal(kind, rule, message), "")
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
        head += f"content-length: {len(body)}\r\nstillhouse-rule: {rule}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _grow(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _HEAD_BYTES or self._head_count > _HEAD_LINES:
            self._refuse(431, f"Headers are limited to {_HEAD_BYTES:,} bytes in {_HEAD_LINES} lines.")

    def _refuse(self, status: int, message: str) -> None:
        self._fault = status, message
        raise _Unacceptable

    def _close(self) -> None:
        """End an answer that cannot be completed; nothing more of it is waited for."""
        if self._running is not None:
            self._running.disconnected = True
        self.transport.close()

    def _wait_for_more(self) -> None:
        """Bound what the client still has to send, where it is the client that is waited for.

        While a request is answered it is not: uvicorn may read no further then. Empty lines begin no request, and end
        uvicorn's own wait for the next one.
        """
        answered = self.cycle is None or self.cycle.response_complete
        if not answered or self.transport.is_closing():
            return
        if not self._head_done or (self._body_done and self.timeout_keep_alive_task is None):
            seconds, late = _HEAD_SECONDS, self._head_late
        elif not self._body_done:
            # The rest of a body whose request was refused: there is nothing to be said of it.
            seconds, late = _REST_SECONDS, self.transport.close
        else:
            return
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, late)

    def _head_late(self) -> None:
        self._timer = None
        if self._head_done and self.cycle is not None:
            self.transport.close()  # between two requests nothing is to be said
        elif not self.transport.is_closing():
            self._fault = 408, f"The headers did not arrive within {_HEAD_SECONDS:.0f} seconds."
            self.send_400_response("")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_RULES = {408: "http.slow", 431: "http.headers_too_large", 503: "http.connections"}
_REASONS = {
    503: "Service Unavailable",
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
}
