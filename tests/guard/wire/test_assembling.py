"""What holds of assemblers of every format: cuts and noise do not matter, and an end is only the format's own."""

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.wire import Assembled, Chat, Completions, CountTokens, Embeddings, Messages, Responses, Wire
from stillhouse.guard.wire.sse import EVENT_BYTES
from tests.guard.wire.feeding import assembled, cut, cuts, few, noise
from tests.guard.wire.streams import CHAT, COMPLETIONS, DONE, MESSAGES, RESPONSES, Example, chunk, sse

KINDS: list[tuple[Wire, dict[str, Example]]] = [
    (Chat(), CHAT),
    (Completions(), COMPLETIONS),
    (Responses(), RESPONSES),
    (Messages(), MESSAGES),
]
EXAMPLES = [
    pytest.param(wire, example, id=f"{wire.api} {name}") for wire, kind in KINDS for name, example in kind.items()
]
WIRES = [pytest.param(wire, id=str(wire.api)) for wire, _ in KINDS]


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
@few
@given(places=cuts, end=st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_an_assembled_stream_is_the_unstreamed_answer(
    wire: Wire, example: Example, places: list[int], end: bytes
) -> None:
    stream = example.stream.replace(b"\n", end)
    assert assembled(wire.assembler(), cut(stream, places)) == Assembled(example.whole, example.usage, complete=True)


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
def test_the_unstreamed_answer_counts_alike(wire: Wire, example: Example) -> None:
    assert wire.usage(example.whole) == example.usage


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
def test_only_the_formats_own_end_completes(wire: Wire, example: Example) -> None:
    events = example.stream.split(b"\n\n")[:-1]
    assembler = wire.assembler()
    for event in events[:-1]:
        assembler.feed(event + b"\n\n")
        assert not assembler.complete
    assembler.feed(events[-1] + b"\n\n")
    assert assembler.complete


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r"])
def test_the_last_event_needs_no_empty_line(wire: Wire, example: Example, end: bytes) -> None:
    assembler = wire.assembler()
    assembler.feed(example.stream.rstrip(b"\n") + end)
    assert assembler.complete
    assert assembler.result() == Assembled(example.whole, example.usage, complete=True)


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
@few
@given(st.integers(0, 1 << 16))
def test_a_stream_that_breaks_off_has_a_body_as_far_as_it_went(wire: Wire, example: Example, place: int) -> None:
    place %= len(example.stream.rstrip(b"\n"))
    assembler = wire.assembler()
    assembler.feed(example.stream[:place])
    assert not assembler.complete
    orjson.dumps(assembler.result().body)


@pytest.mark.parametrize(("wire", "kind"), KINDS[:2])
def test_choices_may_end_without_done_where_each_has_its_reason(wire: Wire, kind: dict[str, Example]) -> None:
    for example in kind.values():
        stream = example.stream.removesuffix(DONE)
        assembler = wire.assembler()
        assembler.feed(stream)
        assert not assembler.complete  # more may come, the usage for one
        assert assembler.result() == Assembled(example.whole, example.usage, complete=True)
        assembler.feed(sse([{"error": {"message": "broken"}}]))
        assert not assembler.result().complete
    unfinished = sse([chunk({"content": "a"}, finish="stop"), chunk({"content": "b"}, 1)])
    assert not assembled(Chat().assembler(), [unfinished]).complete


@pytest.mark.parametrize(("wire", "kind"), KINDS[2:])
def test_an_end_that_is_written_with_escapes_is_seen_at_once(wire: Wire, kind: dict[str, Example]) -> None:
    """Events are read many at a time until the end may have come: nothing may pass that a client takes for it."""
    for example in kind.values():
        *events, last, _ = example.stream.split(b"\n\n")
        hidden = last.replace(b"_stop", b"\\u005fstop").replace(b"response.", b"response\\u002e")
        assert hidden != last
        assembler = wire.assembler()
        for event in events:
            assembler.feed(event + b"\n\n")
            assert not assembler.complete
        assembler.feed(hidden.partition(b"data: ")[2].join([b"data: ", b"\n\n"]))
        assert assembler.complete


def test_a_long_event_in_pieces_is_not_read_again_with_each_piece() -> None:
    """`complete` is asked after each piece; a megabyte in small pieces then takes no longer than it must."""
    last = {"type": "response.completed", "response": {"output": [{"text": "x" * (4 << 20)}]}}
    stream = sse([last], named=True)
    assembler = Responses().assembler()
    began = time.process_time()
    for at in range(0, len(stream), 1024):
        assembler.feed(stream[at : at + 1024])
        assert assembler.complete == (at + 1024 >= len(stream) - 2)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("wire", WIRES)
@few
@given(noise, cuts)
def test_noise_is_passed_over(wire: Wire, stream: bytes, places: list[int]) -> None:
    found = assembled(wire.assembler(), cut(stream, places))
    assert found == assembled(wire.assembler(), [stream])


@pytest.mark.parametrize(("wire", "example"), EXAMPLES)
@few
@given(noise, st.integers(0, 1 << 16))
def test_noise_inside_of_a_stream_is_passed_over(wire: Wire, example: Example, bad: bytes, place: int) -> None:
    place %= len(example.stream)
    found = assembled(wire.assembler(), [example.stream[:place], bad, example.stream[place:]])
    assert found.body is None or isinstance(orjson.loads(orjson.dumps(found.body)), dict)
    # A whole event between two whole events is only that.
    seam = example.stream.rfind(b"\n\n", 0, place) + 2
    if seam >= 2:
        comment = b": " + bad.replace(b"\r", b"").replace(b"\n", b"") + b"\n\n"
        assert (
            assembled(wire.assembler(), [example.stream[:seam], comment, example.stream[seam:]]).body == example.whole
        )


def test_halves_of_a_character_are_put_together() -> None:
    halves = b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
    halves += b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00 \\ud83d"}}]}\n\n'
    found = assembled(Chat().assembler(), [halves + DONE])
    assert found.complete and found.body is not None
    assert found.body["choices"][0]["message"]["content"] == "\U0001f600 \ufffd"
    orjson.dumps(found.body)


def test_a_stream_of_which_an_event_was_let_go_is_not_complete() -> None:
    assembler = Chat().assembler()
    assembler.feed(sse([chunk({"content": "a"})]))
    for _ in range(3):
        assembler.feed(b"data: " + b"x" * (EVENT_BYTES // 2))
    assembler.feed(b"\n\n" + sse([chunk({"content": "b"})]) + DONE)
    found = assembler.result()
    assert not found.complete and found.body is not None
    assert found.body["choices"][0]["message"]["content"] == "ab"


@pytest.mark.parametrize("wire", [Embeddings(), CountTokens()])
def test_what_does_not_stream_assembles_nothing(wire: Wire) -> None:
    assert assembled(wire.assembler(), [CHAT["text"].stream]) == Assembled(None)
    assert not wire.assembler().complete
