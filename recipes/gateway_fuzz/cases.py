"""What is sent: one case a number, made again from the seed and that number alone."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from recipes.gateway_fuzz.mutate import mutated_bytes, mutated_json, plain
from recipes.gateway_fuzz.seeds import FORMATS, Format, Sealed
from stillhouse.guard.wire.errors import Family
from stillhouse.guard.wire.routes import family_of

__all__ = ["ROWS", "Case", "Cases"]

Row = str
ROWS: tuple[Row, ...] = (
    *(one.name for one in FORMATS),
    *("stored responses", "headers", "methods and paths", "raw HTTP", "pipelined", "left early"),
)
Ending = Literal["read", "close", "abort"]

_GARBAGE = (
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ),
    *(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"get / http/1.1\r\nhost: a\r\n\r\n",
        b"\xff" * 300,
    ),
    *(b"GET /v1/models HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", b"A" * 70_000 + b"\r\n\r\n"),
    *(
        b"GET http:// HTTP/1.1\r\nhost: a\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\nhost: a\n\n",
    ),
    *(
        b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /\t/ HTTP/1.1\r\nhost: a\r\n\r\n",
        b"QUERY / HTTP/1.1\r\nhost: a\r\n\r\n",
    ),
)
_HEADERS = (
    *("Host: there", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding:\x0bchunked"),
    *(
        "Content-Length: 3",
        "Content-Length: 99999999999",
        "Content-Length: -1",
        "Content-Length: 0",
        "Content-Length: 1e3",
    ),
    *("Content-Encoding: gzip", "Content-Encoding: identity", "Content-Encoding: ", "Content-Encoding: IDENTITY"),
    *(
        "Content-Type: text/plain",
        "Content-Type: ",
        "Expect: 100-continue",
        "Expect: a",
        "Upgrade: h2c",
        "Upgrade: websocket",
    ),
    *(
        "Connection: close",
        "Connection: keep-alive, x-fuzz",
        "Connection: Upgrade",
        "Connection: authorization",
        "TE: trailers",
    ),
    *(
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-For: 192.0.2.9",
        "X-Forwarded-For: , ,",
        "X-Forwarded-For: [::1]:80, x",
    ),
    *(
        "X-Forwarded-For: \xe4",
        "X-Forwarded-For: 2001:db8::1%eth0",
        "X-Country: KP",
        "X-Country: \xff",
        "X-Country: ZZZZ",
    ),
    *(
        "Authorization: Bearer",
        "Authorization: Basic YTpi",
        "Authorization: Bearer \xe4\xf6",
        "X-Api-Key: ",
        "Api-Key: x",
    ),
    *(
        "anthropic-version: 2023-06-01",
        "anthropic-beta: x",
        "x-request-id: mine",
        "request-id: mine",
        "traceparent: 00-x",
    ),
    *(
        "stillhouse-rule: mine",
        "User-Agent: \x80\xff",
        "User-Agent: " + "u" * 5000,
        "Cookie: a=b",
        "X-\x01: a",
        "X-A: \x01",
    ),
    *("X-Empty:", ": x", "nocolon", " folded: x", "X-Tab:\ta\tb\t", "X-Del: \x7f", "X-Long: " + "a" * 70_000, "X Y: a"),
    *(
        "X-Nul: a\x00b",
        "X-Cr: a\rb",
        "X-Lf: a\nX-B: c",
        "Accept-Encoding: gzip",
        "Range: bytes=0-1",
        "If-None-Match: *",
    ),
)
_METHODS = (
    *(
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "HEAD",
        "OPTIONS",
        "PATCH",
        "TRACE",
        "QUERY",
        "PROPFIND",
        "M-SEARCH",
        "BREW",
        "post",
    ),
)
_PATHS = (
    *("/", "//", "/v1", "/v1/", "/v1/models", "/models", "/v1/models/served", "/v1/models/%2e%2e", "/v1/models/a/b/c"),
    *(
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/status",
        "/v1/nothing",
        "/v1/responses",
        "/v1/responses/",
        "/v1/responses/x",
    ),
    *("/v1/responses/..%2f..%2fadmin", "/v1/responses/resp_1/cancel", "/v1/responses/resp_1/input_items?after=resp_1"),
    *(
        "/v1/responses/compact",
        "/v1/responses/input_tokens",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/messages/x",
    ),
    *("/v1/chat/completions?a=b&%ff=%00", "/v1/chat/completions#x", "/v1/chat/completions;x", "/V1/CHAT/COMPLETIONS"),
    *(
        "/v1/chat/%63ompletions",
        "/v1/chat/completions%00",
        "/v1/messages%2Fcount_tokens",
        "/%ff%fe",
        "/%",
        "/%zz",
        "/a?%",
    ),
    *(
        "http://there/v1/chat/completions",
        "http://there",
        "*",
        "/v1/models/" + "m" * 300,
        "/" + "p" * 70_000,
        "/v1/models/\xe4",
    ),
    *(
        "/v1/chat/completions?" + "q=%22%3C&" * 30,
        '/v1/chat/completions?a="<>|^`{}',
        "/beta/litellm_basic_guardrail_api",
    ),
)


@dataclass(frozen=True)
class Case:
    """`pieces` are written one after the other; where `waits`, only after the first bytes of an answer have come.

    `heads` says of each answer that is due whether HEAD was asked; `certain` that all of them must come. `family` is
    whose errors are due, None where either is.
    """

    number: int
    row: Row
    pieces: tuple[bytes, ...]
    heads: tuple[bool, ...] = (False,)
    family: Family | None = None
    certain: bool = True
    waits: bool = False
    ending: Ending = "read"
    after: float = 0.0
    """Seconds after which the connection is closed or cut."""


class Cases:
    """`keys` are the secrets of accounts by their names; seals are those of the first one."""

    def __init__(self, seed: int, keys: Mapping[str, str], sealed: Sealed) -> None:
        self._seed, self._sealed = seed, sealed
        self._keys = list(keys.values())
        self._weights = [20, *(1 for _ in self._keys[1:])]

    def case(self, number: int) -> Case:
        rng = random.Random(f"case {self._seed} {number}")
        draw = rng.random()
        if draw < 0.60:
            return self._body(number, rng)
        if draw < 0.66:
            return self._stored(number, rng)
        if draw < 0.76:
            return self._headers(number, rng)
        if draw < 0.82:
            return self._paths(number, rng)
        if draw < 0.90:
            return self._raw(number, rng)
        if draw < 0.95:
            return self._pipelined(number, rng)
        return self._left(number, rng)

    def _body(self, number: int, rng: random.Random) -> Case:
        one = rng.choice(FORMATS)
        path = rng.choice(("/v1", "")) + one.path
        request = self._written(number, rng, "POST", path, self._content(one, rng), [], one)
        return Case(number, one.name, (request,), family=family_of(path, False))

    def _stored(self, number: int, rng: random.Random) -> Case:
        id = self._sealed.one("id", rng)
        if rng.random() < 0.1:
            id = quote(id[: rng.randint(0, len(id))] + rng.choice(("/", "..", "%", "\xe4", "")), safe="/")
        method, below = rng.choice((("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")))
        after = rng.choice((self._sealed.one("id", rng), "x", "%ff", quote(self._sealed.one("id", rng))))
        query = rng.choice(("", "?stream=true", f"?after={after}", f"?limit=2&after={after}&after=b", "?include[]=a"))
        path = rng.choice(("/v1", "")) + f"/responses/{id}{below}"
        body = b"" if rng.random() < 0.9 else b"{}"
        request = self._written(number, rng, method, path + query, body, [])
        return Case(number, "stored responses", (request,), family=family_of(unquote(path), False))

    def _headers(self, number: int, rng: random.Random) -> Case:
        one = rng.choice(FORMATS)
        path = "/v1" + one.path
        odd = [rng.choice(_HEADERS) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        if rng.random() < 0.02:
            odd = [f"X-{index}: a" for index in range(rng.choice((150, 190, 250, 3000)))]
        request = self._written(number, rng, "POST", path, self._content(one, rng), odd, one)
        return Case(number, "headers", (request,), family=None)

    def _paths(self, number: int, rng: random.Random) -> Case:
        method = rng.choice(_METHODS) if rng.random() < 0.6 else "GET"
        path = rng.choice(_PATHS)
        if rng.random() < 0.2:
            path = mutated_bytes(path.encode("latin-1"), rng).decode("latin-1")
            path = "".join(letter for letter in path if letter not in "\r\n ") or "/"
        body = b"" if rng.random() < 0.7 else self._content(rng.choice(FORMATS), rng)
        request = self._written(number, rng, method, path, body, [])
        return Case(number, "methods and paths", (request,), (method == "HEAD",))

    def _raw(self, number: int, rng: random.Random) -> Case:
        if rng.random() < 0.2:
            data = rng.choice(_GARBAGE)
            if rng.random() < 0.3:
                data = rng.choice(_GARBAGE) + data
        else:
            one = rng.choice(FORMATS)
            data = self._written(number, rng, "POST", "/v1" + one.path, self._content(one, rng)[:3000], [], one)
            end = data.find(b"\r\n\r\n") + 4
            # Most of what can be wrong with HTTP is in the head.
            data = mutated_bytes(data[:end], rng) + data[end:] if rng.random() < 0.8 else mutated_bytes(data, rng)
        return Case(number, "raw HTTP", self._cut(data, rng), certain=False)

    def _pipelined(self, number: int, rng: random.Random) -> Case:
        """Several at once; where the first is slow, what follows comes in the middle of its answer."""
        several: list[bytes] = []
        slow = rng.random() < 0.4
        for place in range(rng.choice((2, 2, 3, 5))):
            one = rng.choice(FORMATS)
            content, odd = self._content(one, rng), []
            if slow and place == 0:
                one = rng.choice([one for one in FORMATS if one.streams])
                content, odd = plain({**one.requests[0], "stream": True}, rng, self._sealed), ["x-slow: 1"]
            several.append(self._written(number, rng, "POST", "/v1" + one.path, content, odd, one))
        garbage = rng.random() < 0.5
        after = b"".join(several[1:]) + (rng.choice(_GARBAGE) if garbage else b"")
        pieces = (several[0], after) if slow else (several[0] + after,)
        return Case(number, "pipelined", pieces, (False,) * len(several), certain=not garbage, waits=slow)

    def _left(self, number: int, rng: random.Random) -> Case:
        one = rng.choice(FORMATS)
        odd = ["x-slow: 1"] if rng.random() < 0.3 else []
        data = self._written(number, rng, "POST", "/v1" + one.path, self._content(one, rng), odd, one)
        if rng.random() < 0.3:
            data = data[: rng.randint(1, len(data))]
        ending: Ending = "abort" if rng.random() < 0.5 else "close"
        return Case(
            number, "left early", (data,), certain=False, ending=ending, after=rng.choice((0.0, 0.0, 0.002, 0.01, 0.05))
        )

    def _content(self, one: Format, rng: random.Random) -> bytes:
        seed = {**rng.choice(one.requests), "stream": rng.random() < 0.5}
        draw = rng.random()
        if draw < 0.3:
            return plain(seed, rng, self._sealed)
        if draw < 0.9:
            return mutated_json(seed, rng, self._sealed)
        if draw < 0.98:
            return mutated_bytes(plain(seed, rng, self._sealed), rng)
        return rng.choice(
            (b"", b"[]", b"\xff", b"0", b'"a"', b"[" * 100_000, b'{"a":' * 50_000, json.dumps("a" * 1_200_000).encode())
        )

    def _written(
        self,
        number: int,
        rng: random.Random,
        method: str,
        target: str,
        body: bytes,
        odd: list[str],
        one: Format | None = None,
    ) -> bytes:
        """One request as bytes, with a key, its number, and the odd header lines somewhere."""
        lines = ["Host: here", f"x-fuzz: {self._seed}.{number}", "Content-Type: application/json"]
        secret = rng.choices(self._keys, self._weights)[0] if rng.random() < 0.98 else rng.choice(("sk-sh-wrong", ""))
        lines.append(f"x-api-key: {secret}" if rng.random() < 0.4 else f"Authorization: Bearer {secret}")
        if one is not None and one.name in ("messages", "count_tokens") and rng.random() < 0.5:
            lines.append("anthropic-version: 2023-06-01")
        chunked = bool(body) and rng.random() < 0.15
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            body = _chunks(body, rng)
        elif body or method not in ("GET", "HEAD", "DELETE"):
            lines.append(f"Content-Length: {len(body)}")
        for line in odd:
            name = line.partition(":")[0].lower()
            at = rng.randint(0, len(lines))
            if rng.random() < 0.5:
                lines = [kept for kept in lines if kept.partition(":")[0].lower() != name or name == "host"]
            lines.insert(min(at, len(lines)), line)
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines]) + "\r\n\r\n"
        return head.encode("latin-1") + body

    @staticmethod
    def _cut(data: bytes, rng: random.Random) -> tuple[bytes, ...]:
        at = rng.randint(0, len(data))
        return (data,) if rng.random() < 0.6 else (data[:at], data[at:])


def _chunks(body: bytes, rng: random.Random) -> bytes:
    size = max(1, len(body) // rng.choice((1, 2, 5)))
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    end = b"0\r\nX-Late: 1\r\n\r\n" if rng.random() < 0.1 else b"0\r\n\r\n"
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end
