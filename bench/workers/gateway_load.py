"""Asks a server as many clients would, checks every answer, and prints what it saw as one JSON object.

    python -m bench.workers.gateway_load requests --port 9200 --connections 64 --seconds 4 [--rate 500]
    python -m bench.workers.gateway_load streams --port 9200 --streams 100 --events 200 --apart 2 [--ramp 5]

Requests without a rate are sent as fast as answers come, one at a time on each connection. With a rate they are sent
by the clock, whatever the server does, and an answer's time counts from when its request was due: a server that
stalls is charged for everybody whom it kept waiting (no coordinated omission). Sockets are read with `select` and
no event loop, because the timers of asyncio and uvloop are a millisecond coarse, and a request sent late would look
like a slow server.
"""

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import Any

import numpy as np

from bench.pinned import busy_seconds
from bench.workers.gateway_stub import answers, event_scripts, model_name, text_of_answer, text_of_script, words

__all__ = ["Answer", "Asked", "Seen", "Wrong", "ask", "request_bytes", "stream"]

_BODIES = 64
_QUESTION_BYTES = 770
_TIMEOUT = 60.0
_IDLE = 4.0  # uvicorn, as LiteLLM sets it, closes a connection that was idle for 5 seconds
_PERCENTILES = (50, 90, 99, 100)


class Wrong(Exception):
    """An answer that is not what the stub sent, or none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask, and what to expect: `whole` means the stub's bytes, otherwise the same text in other JSON."""

    port: int
    keys: tuple[str, ...] = ("none",)
    whole: bool = True
    events: int = 200
    apart: int = 2
    """Milliseconds between two events of a stream."""


@dataclass(slots=True)
class Seen:
    """What came, all of it right: `times` in seconds, one for each answer, and the `seconds` that all took together."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cores: list[float] = field(default_factory=list)
    """How long each of the machine's cores was busy meanwhile, whoever used it."""
    own_cpu_seconds: float = 0.0
    at_once: int = 0
    """Most that were open together."""

    def summary(self) -> dict[str, Any]:
        """What the bench reads: times in milliseconds."""
        times = np.percentile(np.asarray(self.times) * 1000, _PERCENTILES)
        return {
            "answered": len(self.times),
            "seconds": self.seconds,
            "cores": self.cores,
            "at_once": self.at_once,
            "own_cpu_seconds": self.own_cpu_seconds,
        } | {f"p{percentile}_ms": float(value) for percentile, value in zip(_PERCENTILES, times, strict=True)}

    @contextmanager
    def timed(self) -> Iterator[None]:
        """What the block does is what takes `seconds`."""
        began, own, busy = time.perf_counter(), time.process_time(), busy_seconds()
        yield
        self.seconds, self.own_cpu_seconds = time.perf_counter() - began, time.process_time() - own
        self.cores = [after - before for after, before in zip(busy_seconds(), busy, strict=True)]


class Answer:
    """Reads one HTTP/1.1 answer from pieces: a head, then Content-Length or chunks. The next begins a new one."""

    __slots__ = ("_chunked", "_left", "_rest", "begun", "body", "status")

    def __init__(self) -> None:
        self.status = 0
        self.body: list[bytes] = []
        self.begun = False
        """Whether a byte of the body has come."""
        self._rest = b""
        self._chunked = False
        self._left = 0

    def feed(self, data: bytes) -> bool:
        """Whether the answer is complete. Wrong where it is no answer as a gateway may give it."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0
        if not self.status:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return False
            self._head(data[:end])
            at = end + 4
        self.begun = self.begun or at < len(data)
        if self._chunked:
            return self._chunks(data, at)
        if at < len(data):
            self.body.append(data[at:])
            self._left -= len(data) - at
        if self._left < 0:
            raise Wrong(f"{-self._left} bytes after the answer's end")
        return self._left == 0

    def _head(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 "):
            raise Wrong(f"no HTTP: {head[:60]!r}")
        self.status = int(head[9:12])
        lowered = head.lower()
        at = lowered.find(b"\r\ncontent-length:")
        if at >= 0:
            self._left = int(lowered[at + 17 :].split(b"\r\n", 1)[0])
        elif b"\r\ntransfer-encoding: chunked" in lowered:
            self._chunked = True
        else:
            raise Wrong(f"an answer of unknown length: {head!r}")

    def _chunks(self, data: bytes, at: int) -> bool:
        while True:
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            size = int(data[at:end], 16)
            if len(data) < end + 4 + size:
                break
            if size == 0:
                if len(data) > end + 4:
                    raise Wrong("bytes after the last chunk")
                return True
            self.body.append(data[end + 2 : end + 2 + size])
            at = end + 4 + size
        self._rest = data[at:]
        return False


def request_bytes(asked: Asked, client: int, streamed: bool) -> list[bytes]:
    """The requests of one client as they go over the wire: about 1 KB of JSON each, all different."""
    key = asked.keys[client % len(asked.keys)]
    made = []
    for number in range(_BODIES):
        body = {
            "model": model_name(asked.events, asked.apart),
            "messages": [
                {"role": "system", "content": "You answer questions about cooking, briefly and correctly."},
                {"role": "user", "content": words(client * _BODIES + number, _QUESTION_BYTES)},
            ],
            "temperature": 0.7,
            "max_tokens": 512,
        }
        if streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        content = json.dumps(body).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"User-Agent: openai-python/3.2.0\r\nAccept: application/json\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        made.append(head.encode() + content)
    return made


@dataclass(slots=True)
class _Client:
    """One connection and what it asks. It is opened when first used, and anew where a server may have closed it."""

    port: int
    requests: list[bytes]
    connection: socket.socket | None = None
    answer: Answer = field(default_factory=Answer)
    due: float = 0.0
    first: float = 0.0
    """When the first byte of the body came."""
    sent: int = 0
    used: float = 0.0

    def ask(self, due: float) -> socket.socket:
        """Sends the next request; the socket to read its answer from."""
        if self.connection is None or time.perf_counter() - self.used > _IDLE:
            self.close()
            self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer, self.due, self.first = Answer(), due, 0.0
        self.connection.sendall(self.requests[self.sent % len(self.requests)])
        self.sent += 1
        return self.connection

    def read(self) -> bool:
        """Whether the answer is complete with what came now."""
        assert self.connection is not None
        data = self.connection.recv(1 << 16)
        if not data:
            raise Wrong(f"the connection ended in the middle of an answer (status {self.answer.status})")
        done = self.answer.feed(data)
        if self.answer.begun and not self.first:
            self.first = time.perf_counter()
        if done:
            self.used = time.perf_counter()
        return done

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def ask(asked: Asked, connections: int, seconds: float, count: int | None, rate: float | None) -> Seen:
    """Requests for `seconds`, or `count` of them; without a `rate` each connection asks as soon as it has an answer."""
    right = {*answers()} if asked.whole else {text_of_answer(body) for body in answers()}
    busy: dict[socket.socket, _Client] = {}
    seen = Seen()
    with _clients(asked, connections, streamed=False) as clients, seen.timed():
        idle = [*clients]
        started, stop = 0, False
        began = due = time.perf_counter()
        while True:
            now = time.perf_counter()
            while idle and not stop:
                due = now if rate is None else began + started / rate
                stop = due >= began + seconds if count is None else started >= count
                if stop or due > now:
                    break
                client = idle.pop()
                busy[client.ask(due)] = client
                started += 1
            seen.at_once = max(seen.at_once, len(busy))
            if stop and not busy:
                return seen
            wait = _TIMEOUT if stop or not idle else max(0.0, due - time.perf_counter())
            readable = select(busy, (), (), wait)[0]
            if not readable and wait == _TIMEOUT:
                raise Wrong(f"no answer in {_TIMEOUT:.0f} seconds")
            for ready in readable:
                client = busy[ready]
                if client.read():
                    _check(client.answer, right, text_of_answer if not asked.whole else None)
                    seen.times.append(client.used - client.due)
                    idle.append(busy.pop(ready))


def stream(asked: Asked, streams: int, ramp: float, rounds: int) -> Seen:
    """`streams` at once, begun evenly over `ramp` seconds, `rounds` times; `times` are to the body's first byte."""
    scripts = {b"".join(script) for script in event_scripts(asked.events)}
    right = scripts if asked.whole else {text_of_script(script) for script in scripts}
    seen = Seen()
    with seen.timed():
        for _ in range(rounds):
            with _clients(asked, streams, streamed=True) as clients:
                _one_round(clients, ramp / streams, seen)
            for client in clients:
                _check(client.answer, right, text_of_script if not asked.whole else None)
                seen.times.append(client.first - client.due)
    return seen


@contextmanager
def _clients(asked: Asked, number: int, streamed: bool) -> Iterator[list[_Client]]:
    clients = [_Client(asked.port, request_bytes(asked, client, streamed)) for client in range(number)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def _one_round(clients: list[_Client], apart: float, seen: Seen) -> None:
    """Every client asks once, one `apart` seconds after the other, and reads its answer."""
    began = time.perf_counter()
    started = running = 0
    with selectors.DefaultSelector() as selector:
        while started < len(clients) or running:
            now = time.perf_counter()
            while started < len(clients) and began + started * apart <= now:
                client = clients[started]
                selector.register(client.ask(time.perf_counter()), selectors.EVENT_READ, client)
                started += 1
                running += 1
            seen.at_once = max(seen.at_once, running)
            wait = _TIMEOUT if started == len(clients) else max(0.0, began + started * apart - now)
            ready = selector.select(wait)
            if not ready and wait == _TIMEOUT:
                raise Wrong(f"no event in {_TIMEOUT:.0f} seconds")
            for key, _ in ready:
                if key.data.read():
                    selector.unregister(key.fileobj)
                    running -= 1


def _check(answer: Answer, right: Container[bytes | str], text_of: Callable[[bytes], str] | None) -> None:
    body = b"".join(answer.body)
    if answer.status != 200 or (text_of(body) if text_of else body) not in right:
        raise Wrong(f"status {answer.status}, {len(body)} bytes: {body[:300]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["requests", "streams"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keys", type=Path, help="file with one API key a line; clients take them in turn")
    parser.add_argument("--same-text", action="store_true", help="the answer may be other JSON with the same text")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--count", type=int, help="this many requests instead of --seconds")
    parser.add_argument("--rate", type=float, help="requests a second")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--apart", type=int, default=2, help="milliseconds between two events")
    parser.add_argument("--ramp", type=float, default=0.0, help="seconds over which streams begin")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    keys = tuple(options.keys.read_text("utf-8").split()) if options.keys else ("none",)
    asked = Asked(options.port, keys, not options.same_text, options.events, options.apart)
    try:
        if options.what == "requests":
            seen = ask(asked, options.connections, options.seconds, options.count, options.rate)
        else:
            seen = stream(asked, options.streams, options.ramp, options.rounds)
    except Wrong as error:
        sys.exit(f"gateway_load: {error}")
    print(json.dumps(seen.summary()))


if __name__ == "__main__":
    main()
