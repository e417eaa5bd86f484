"""The upstream behind the gateway: honest where nothing is asked of it, else as wrong as the request's number says.

A request carries that number in `x-fuzz`, which the gateway passes on, so the same input gets the same answer whatever
else runs at the time. What this upstream says has `x-stub`, by which the gateway's own answers are told apart.
"""

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from recipes.gateway_fuzz.mutate import mutated_bytes, mutated_json, mutated_stream, plain
from recipes.gateway_fuzz.seeds import BLOBS, FORMATS, Format, Sealed
from tests.guard.stub import END, RESET, STALL, Asked, Step, chat_answer

__all__ = ["MARK", "Upstream"]

MARK = "x-stub"
_STATUSES = (200, 200, 200, 201, 202, 206, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 529)
_ODD_STATUSES = (
    b"099",
    b"100",
    b"101",
    b"103",
    b"199",
    b"204",
    b"205",
    b"299",
    b"301",
    b"304",
    b"307",
    b"599",
    b"600",
    b"999",
    b"20",
    b"2000",
    b"-1",
    b"abc",
)
_TYPES = (
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "text/event-stream",
    "text/html",
    "",
    "x",
)
_ODD_HEADERS = (
    *(
        b"x-bad: a\x01b",
        b"x-bad: a\x7fb",
        b"x-bad: a\x00b",
        b"x-\xff: a",
        b"x y: a",
        b"x-\xc3\xa4: \xc3\xa4",
        b": a",
        b"noColon",
    ),
    *(
        b"stillhouse-rule: evil",
        b"stillhouse-action: evil",
        b"x-ratelimit-limit: 1",
        b"set-cookie: a=b",
        b"date: never",
    ),
    *(b"connection: close, x-stub2", b"connection: keep-alive", b"content-length: 3", b"content-length: 99999999"),
    *(b"transfer-encoding: chunked", b"transfer-encoding: gzip, chunked", b"content-encoding: br", b"upgrade: h2c"),
    *(
        b"content-encoding: gzip",
        b"content-encoding: deflate",
        b"content-encoding: identity",
        b"location: //evil/\x09x",
    ),
    *(b"x-long: " + b"a" * 9000, b"x-long: " + b"a" * 70_000, b" folded: 1", b"x-a: b\r\n folded", b"x-a: b\nx-c: d"),
    *(
        b"retry-after: soon",
        b"trailer: x-late",
        b"x-empty:",
        b"x(paren): a",
        b'x"q: a',
        b"x-tab: \ta\t",
        b"x-lat: \xe4\xff",
    ),
)


class Upstream:
    """`script` is what the stub answers by."""

    def __init__(self, sealed: Sealed) -> None:
        self.sealed = sealed
        self.clear: Callable[[], None] = lambda: None

    def script(self, asked: Asked) -> list[Step]:
        if asked.number % 256 == 0:
            self.clear()  # the stub keeps what it was asked; nobody looks here
        number = asked.headers.get("x-fuzz")
        if number is None:
            return self._honest()
        rng = random.Random(f"answer {number}")
        one = next((one for one in FORMATS if asked.path.partition("?")[0].endswith(one.path)), FORMATS[-1])
        streamed = b'"stream":true' in asked.raw
        if "x-slow" in asked.headers:
            return _slow(one, streamed)
        return self._answer(one, streamed, rng)

    def _honest(self) -> list[Step]:
        return _whole(json.dumps(chat_answer("honest")).encode())

    def _answer(self, one: Format, streamed: bool, rng: random.Random) -> list[Step]:
        draw = rng.random()
        streamed = streamed and bool(one.streams) and rng.random() < 0.95
        if draw < 0.25:
            return self._right(one, streamed, rng)
        if draw < 0.60:
            if streamed:
                return _chunked(mutated_stream(rng.choice(one.streams), rng, self.sealed), rng)
            return _whole(mutated_json(rng.choice(one.answers), rng, self.sealed))
        if draw < 0.70:
            return _error(one, rng, self.sealed)
        if draw < 0.80:
            return _broken_off(self._right(one, streamed, rng), rng)
        if draw < 0.997:
            return _odd(self._right(one, streamed, rng), rng)
        return [*self._right(one, streamed, rng)[:1], STALL] if rng.random() < 0.5 else [STALL]

    def _right(self, one: Format, streamed: bool, rng: random.Random) -> list[Step]:
        if streamed:
            return _chunked(rng.choice(one.streams), rng)
        answers = [*one.answers, BLOBS] if one.name == "chat.completions" else one.answers
        return _whole(plain(rng.choice(answers), rng, self.sealed))


def _head(status: bytes, kind: str, *more: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status + b" Said", b"content-type: " + kind.encode(), MARK.encode() + b": 1", *more]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _whole(body: bytes, status: int = 200, kind: str = "application/json") -> list[Step]:
    return [_head(str(status).encode(), kind, b"content-length: %d" % len(body)) + body]


def _chunked(stream: bytes, rng: random.Random) -> list[Step]:
    """As an event stream, in one piece or in several, cut anywhere."""
    places = sorted(rng.randint(0, len(stream)) for _ in range(rng.choice((0, 1, 2, 8))))
    steps: list[Step] = [_head(b"200", "text/event-stream", b"transfer-encoding: chunked")]
    for start, end in zip([0, *places], [*places, len(stream)], strict=True):
        if end > start:
            steps.append(b"%x\r\n%b\r\n" % (end - start, stream[start:end]))
            if rng.random() < 0.1:
                steps.append(0.001)
    return [*steps, b"0\r\n\r\n"]


def _slow(one: Format, streamed: bool) -> list[Step]:
    """Rightly, but in twenty pieces, so that something can happen in between."""
    if not streamed or not one.streams:
        return [0.02, *_whole(json.dumps(one.answers[0]).encode())]
    stream = one.streams[0]
    size = len(stream) // 20 + 1
    steps: list[Step] = [_head(b"200", "text/event-stream", b"transfer-encoding: chunked")]
    for at in range(0, len(stream), size):
        steps += [0.002, b"%x\r\n%b\r\n" % (len(stream[at : at + size]), stream[at : at + size])]
    return [*steps, b"0\r\n\r\n"]


def _error(one: Format, rng: random.Random, sealed: Sealed) -> list[Step]:
    bodies: tuple[Any, ...] = ({"error": {"message": "no", "type": "t", "code": 1}}, {"detail": "no"}, [], "no", None)
    body = rng.choice((b"", b"<html>no</html>", b"\xff\xfe", mutated_json(rng.choice(bodies), rng, sealed)))
    return _whole(body, rng.choice(_STATUSES), rng.choice(_TYPES))


def _broken_off(steps: list[Step], rng: random.Random) -> list[Step]:
    """Less than was promised, and the connection's end."""
    whole = b"".join(step for step in steps if isinstance(step, bytes))
    cut = rng.choice((rng.randint(0, len(whole)), len(whole) - rng.randint(1, min(20, len(whole))), 0))
    return [whole[:cut], rng.choice((END, RESET))]


def _odd(steps: list[Step], rng: random.Random) -> list[Step]:
    """HTTP that is none, or that is rarely seen."""
    whole = b"".join(step for step in steps if isinstance(step, bytes))
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    match rng.randrange(9):
        case 0:
            lines[0] = b"HTTP/1.1 " + rng.choice(_ODD_STATUSES) + rng.choice((b" Said", b"", b" \xff\x01", b"  "))
        case 1:
            lines[0] = rng.choice(
                (b"HTTP/1.0 200 OK", b"HTTP/2 200", b"HTTP/1.1  200 OK", b"ICY 200 OK", b"", b"\x16\x03")
            )
        case 2 | 3:
            for _ in range(rng.choice((1, 1, 2, 3))):
                lines.insert(rng.randint(1, len(lines)), rng.choice(_ODD_HEADERS))
        case 4:
            lines = [line for line in lines if not line.startswith((b"content-length", b"transfer-encoding"))]
        case 5:
            lines = [
                b"content-type: " + rng.choice(_TYPES).encode() if line.startswith(b"content-t") else line
                for line in lines
            ]
        case 6:
            packed = gzip.compress(body) if rng.random() < 0.7 else body
            packed = packed if rng.random() < 0.7 else mutated_bytes(packed, rng)
            kept = [line for line in lines if not line.startswith((b"content-length", b"transfer-encoding"))]
            lines, body = [*kept, b"content-encoding: gzip", b"content-length: %d" % len(packed)], packed
        case 7:
            body = mutated_bytes(body, rng)
        case _:
            whole = mutated_bytes(whole, rng)
            return [whole, rng.choice((END, RESET, 0.001))]
    ended: list[Step] = [END] if rng.random() < 0.8 else []
    return [b"\r\n".join(lines) + b"\r\n\r\n" + body, *ended]
