"""The model server that every gateway of `bench/gateway` stands before: it answers at once, with bytes made beforehand.

    python -m bench.workers.gateway_stub --port 9100

A model is named `stub-EVENTS-MS`. A request that streams gets EVENTS server-sent events, the first at once and then
one every MS milliseconds, by the clock and not by the end of the one before; any other request gets one chat
completion of about 1 KB. There are several texts, since a log compresses a text that it has just seen to nothing; the
load generator imports the same ones and knows what must come.
"""

import argparse
import asyncio
import random
import re
from functools import cache
from itertools import count
from typing import cast

import orjson
import uvloop

__all__ = ["StubProtocol", "answers", "event_scripts", "model_name", "text_of_answer", "text_of_script", "words"]

_ANSWERS = 64
_SCRIPTS = 8
_ANSWER_TEXT_BYTES = 720
_PIECE_BYTES = 6
_WORDS = (
    "the of and to in is that it was for on are as with they be at one have this from by hot word but what some can "
    "out other were all there when up use your how said an each she which do their time if will way about many then "
    "them write would like so these her long make thing see him two has look more day could go come did number sound"
)
_STREAMED = re.compile(rb'"stream": ?true')
_MODEL = re.compile(rb'"model": ?"stub-(\d+)-(\d+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def model_name(events: int, milliseconds: int) -> str:
    """The model whose streams have that many events at that distance."""
    return f"stub-{events}-{milliseconds}"


def words(seed: int, size: int) -> str:
    """Text of that many characters, the same for the same seed."""
    source, choices = random.Random(seed), _WORDS.split()
    text = ""
    while len(text) < size:
        text += source.choice(choices) + " "
    return text[:size]


@cache
def answers() -> tuple[bytes, ...]:
    """The bodies of all chat completions, of one length, about 1 KB."""
    return tuple(_answer(number) for number in range(_ANSWERS))


@cache
def event_scripts(events: int) -> tuple[tuple[bytes, ...], ...]:
    """Each streamed answer of `events` events (at least 5) of about 170 bytes: role, text, finish, usage, `[DONE]`."""
    return tuple(_script(number, events) for number in range(_SCRIPTS))


def text_of_answer(body: bytes) -> str:
    """What the assistant says in a chat completion."""
    return str(orjson.loads(body)["choices"][0]["message"]["content"])


def text_of_script(body: bytes) -> str:
    """What the assistant says in a stream of chat completion chunks. ValueError where it does not end as it should."""
    if not body.endswith(b"data: [DONE]\n\n"):
        raise ValueError(f"the stream ends with {body[-60:]!r}")
    text = []
    for event in body.split(b"\n\n"):
        if event.startswith(b"data: {"):
            for choice in orjson.loads(event[6:])["choices"]:
                text.append(choice["delta"].get("content") or "")
    return "".join(text)


class StubProtocol(asyncio.Protocol):
    """One connection; requests on it are answered in turn."""

    _turn = count()

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._read, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._read) < whole:
                return
            body, self._read = self._read[end + 4 : whole], self._read[whole:]
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        turn = next(self._turn)
        if not _STREAMED.search(body):
            self._transport.write(_framed()[turn % _ANSWERS])
            return
        model = _MODEL.search(body)
        if model is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        script = _framed_script(int(model[1]))[turn % _SCRIPTS]
        self._transport.write(_HEAD_STREAM)
        self._send(script, 0, self._loop.time(), int(model[2]) / 1000)

    def _send(self, script: tuple[bytes, ...], number: int, start: float, apart: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(script[number])
        number += 1
        if number == len(script):
            self._transport.write(b"0\r\n\r\n")
        else:
            self._loop.call_at(start + number * apart, self._send, script, number, start, apart)


def _usage(output: int) -> dict[str, object]:
    return {"prompt_tokens": 240, "completion_tokens": output, "total_tokens": 240 + output}


def _answer(number: int) -> bytes:
    message = {"role": "assistant", "content": words(number, _ANSWER_TEXT_BYTES), "refusal": None}
    return orjson.dumps(
        {
            "id": f"chatcmpl-{number:08d}",
            "object": "chat.completion",
            "created": 1795000000,
            "model": "stub",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": _usage(180),
            "system_fingerprint": "fp_stub",
        }
    )


def _script(number: int, events: int) -> tuple[bytes, ...]:
    head = {"id": f"chatcmpl-{number:08d}", "object": "chat.completion.chunk", "created": 1795000000, "model": "stub"}
    pieces = events - 4
    text = words(1000 + number, pieces * _PIECE_BYTES)

    def event(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + orjson.dumps(head | {"choices": [choice]}) + b"\n\n"

    said = [event({"content": text[at : at + _PIECE_BYTES]}) for at in range(0, pieces * _PIECE_BYTES, _PIECE_BYTES)]
    usage = b"data: " + orjson.dumps(head | {"choices": [], "usage": _usage(pieces)}) + b"\n\n"
    return (event({"role": "assistant", "content": ""}), *said, event({}, "stop"), usage, b"data: [DONE]\n\n")


@cache
def _framed() -> tuple[bytes, ...]:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: stub\r\nContent-Length: %d\r\n\r\n"
    return tuple(head % len(body) + body for body in answers())


@cache
def _framed_script(events: int) -> tuple[tuple[bytes, ...], ...]:
    return tuple(tuple(b"%x\r\n%b\r\n" % (len(event), event) for event in script) for script in event_scripts(events))


async def _serve(port: int) -> None:
    _framed()
    server = await asyncio.get_running_loop().create_server(StubProtocol, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
