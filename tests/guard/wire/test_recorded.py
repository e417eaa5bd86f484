"""Streams of a real server: what they are put together to is what the same request gets unstreamed."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given

from stillhouse.guard.wire import Chat, Completions, Messages, Responses, Wire, find_route, reasoning_edit
from tests.guard.wire.feeding import assembled, cut, cuts, edited, few
from tests.servers import llama_server, packaged_gguf

SAID = [{"role": "user", "content": "Say hello in five languages. \U0001f44b"}]
# Half a character as the first token makes this server forget the start of a message (see test_messages).
PLAIN = [{"role": "user", "content": "Say hello in five languages."}]
USAGE = {"include_usage": True}
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/chat/completions", {"messages": SAID, "max_tokens": 10, "stream_options": USAGE}),
    "chat with logprobs": (
        "/chat/completions",
        {"messages": SAID, "max_tokens": 6, "logprobs": True, "top_logprobs": 2, "stream_options": USAGE},
    ),
    "chat with three choices": ("/chat/completions", {"messages": SAID, "max_tokens": 6, "n": 3}),
    "chat that stops": ("/chat/completions", {"messages": SAID, "max_tokens": 10, "stop": ["o"]}),
    "completions": ("/completions", {"prompt": "Once upon a time", "max_tokens": 8, "n": 2, "logprobs": 1}),
    "responses": ("/responses", {"input": SAID, "max_output_tokens": 10}),
    "messages": ("/messages", {"messages": PLAIN, "max_tokens": 10}),
    "messages that stop": ("/messages", {"messages": PLAIN, "max_tokens": 10, "stop_sequences": ["o"]}),
}
WIRES: tuple[Wire, ...] = (Chat(), Completions(), Responses(), Messages())
Recorded = dict[str, tuple[Wire, bytes, dict[str, Any]]]


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    """Of each request its wire format, its stream, and its unstreamed answer."""
    found: Recorded = {}
    once = httpx2.Limits(max_keepalive_connections=0)  # it closes a connection after a stream without saying so
    with llama_server(packaged_gguf()) as url, httpx2.Client(base_url=url, timeout=60.0, limits=once) as client:
        for name, (path, body) in ASKS.items():
            wire = find_route("POST", path).wire
            assert wire is not None
            asked = {"model": "m", "temperature": 0, "seed": 1, **body}
            stream = client.post(path.removeprefix("/"), json={**asked, "stream": True})
            asked.pop("stream_options", None)
            whole = client.post(path.removeprefix("/"), json=asked)
            assert (stream.status_code, whole.status_code) == (200, 200)
            found[name] = wire, stream.content, whole.json()
    yield found


def same(value: Any, numbers: list[float]) -> Any:
    """A body without what differs from one request to the next; log-probabilities are put into `numbers`."""
    if isinstance(value, list):
        return [same(inner, numbers) for inner in value]
    if not isinstance(value, dict):
        return value
    numbers += [value["logprob"]] if isinstance(value.get("logprob"), float) else []
    gone = {"id", "created", "created_at", "completed_at", "timings", "usage", "logprob"}
    # Tokens have an id too, which is part of the answer.
    gone -= {"id"} if "token" in value else set()
    return {key: same(inner, numbers) for key, inner in value.items() if key not in gone}


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_an_assembled_stream_is_the_unstreamed_answer(recorded: Recorded, name: str, size: int) -> None:
    wire, stream, whole = recorded[name]
    found = assembled(wire.assembler(), [stream[at : at + size] for at in range(0, len(stream), size)])
    assert found.complete and found.error is None
    ours: list[float] = []
    theirs: list[float] = []
    assert same(found.body, ours) == same(whole, theirs)
    assert ours == pytest.approx(theirs, abs=1e-3)
    if "stream_options" in ASKS[name][1] or wire.api != "chat.completions":
        for count in ("input_tokens", "output_tokens"):
            assert found.usage[count] == wire.usage(whole)[count] > 0


@pytest.mark.parametrize("name", ASKS)
@few
@given(places=cuts)
def test_a_stream_without_reasoning_passes_as_it_came(recorded: Recorded, name: str, places: list[int]) -> None:
    wire, stream, _ = recorded[name]
    edit = reasoning_edit(wire)
    for edits in ([], [edit] if edit else []):
        assert edited(edits, cut(stream, places)) == stream
