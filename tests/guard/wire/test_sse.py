"""Events out of bytes: every way of cutting, every line end, nothing changed that no edit is meant for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import EditedStream
from stillhouse.guard.wire.sse import END_BYTES, EVENT_BYTES, DataReader, ends_event
from tests.guard.wire.feeding import cut, cuts, edited, few, many, noise
from tests.guard.wire.streams import CHAT, COMPLETIONS, MESSAGES, RESPONSES

STREAMS = [example.stream for kind in (CHAT, COMPLETIONS, RESPONSES, MESSAGES) for example in kind.values()]


class Loud:
    """Writes a word of texts in capitals, drops what says `gone`."""

    markers: tuple[bytes, ...] = (b"quiet", b"gone")

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        if data.get("text") == "gone":
            return None
        if isinstance(data.get("text"), str):
            data["text"] = data["text"].replace("quiet", "LOUD")
        return data

    def edit_body(self, body: dict[str, Any]) -> bool:
        self.edit_event(body)
        return True


class Growing(Loud):
    """Looks for more once it has begun."""

    def __init__(self) -> None:
        self.seen = 0

    @property
    def markers(self) -> tuple[bytes, ...]:  # type: ignore[override]
        return (b"text",) if self.seen else (b"quiet",)

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        self.seen += 1
        return {"number": self.seen}


def read(pieces: list[bytes]) -> list[bytes]:
    reader = DataReader()
    return [data for piece in pieces for data in reader.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\n\r\ndata: b\r\n\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data\ndata:\n\n", [b"\n"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b": comment\n\ndata: a\n\n", [b"a"]),
        (b": comment\ndata: a\nid: 1\nretry: 3\n\n", [b"a"]),
        (b"event: x\ndata: a\n\n", [b"a"]),
        (b"event: x\ndata: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\nevent: x\n\n", [b"a"]),
        (b"event: x\n\n", []),
        (b"datum: a\n\n", []),
        (b"\n\n\n\ndata: a\n\n\n\n\n", [b"a"]),
        (b"data: a\n", []),
        (b"", []),
    ],
)
@few
@given(places=cuts)
def test_data_of_events(stream: bytes, expected: list[bytes], places: list[int]) -> None:
    assert read(cut(stream, places)) == expected
    assert read([stream[at : at + 1] for at in range(len(stream))]) == expected


@few
@given(noise, cuts)
def test_a_cut_changes_nothing_that_is_read(stream: bytes, places: list[int]) -> None:
    assert read(cut(stream, places)) == read([stream])


def test_what_is_left_is_the_last_event() -> None:
    reader = DataReader()
    assert reader.feed(b"data: a\n\ndata: {}") == [b"a"]
    assert reader.rest() == b"{}"
    reader.drop_rest()
    assert reader.rest() is None
    reader.feed(b'data: {"a')
    assert reader.rest() is None  # surely cut off


def test_an_event_without_end_is_let_go_of_by_a_reader() -> None:
    reader = DataReader()
    piece = b"data: " + b"x" * (EVENT_BYTES // 8)
    assert [reader.feed(piece) for _ in range(9)] == [[]] * 9
    assert reader.lost
    assert reader.feed(b"\n\ndata: next\n\n")[-1] == b"next"


def test_an_event_without_end_is_refused_on_its_way_out() -> None:
    stream = EditedStream([Loud()])
    piece = b"x" * (EVENT_BYTES // 8)
    assert [stream.feed(piece) for _ in range(8)] == [b""] * 8
    with pytest.raises(Refusal) as error:
        stream.feed(b"x")
    assert (error.value.kind, error.value.rule) == ("upstream", "upstream.endless_event")


@many
@given(st.sampled_from(STREAMS), cuts)
def test_without_edits_bytes_pass_as_they_came(stream: bytes, places: list[int]) -> None:
    way = EditedStream([])
    assert [way.feed(piece) for piece in cut(stream, places)] == cut(stream, places)


@many
@given(st.one_of(noise, st.sampled_from(STREAMS)), cuts)
def test_an_edit_that_is_meant_for_nothing_leaves_the_bytes(stream: bytes, places: list[int]) -> None:
    assert edited([Loud()], cut(stream, places)) == stream


@many
@given(st.sampled_from([*STREAMS, b'data: {"a":  1.50, "b": "\\u00e9"}\r\n\r\n']), cuts)
def test_an_event_that_was_looked_into_and_not_changed_keeps_its_bytes(stream: bytes, places: list[int]) -> None:
    class Looks(Loud):
        markers = (b'"',)

    assert edited([Looks()], cut(stream, places)) == stream


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b'data: {"text": "quiet"}\n\ndata: b\n\n', b'data: {"text":"LOUD"}\n\ndata: b\n\n'),
        (b'data: {"text": "gone"}\n\ndata: b\n\n', b"data: b\n\n"),
        (b'event: x\ndata: {"text": "quiet"}\n\n', b'event: x\ndata: {"text":"LOUD"}\n\n'),
        (b'event: x\nid: 7\ndata: {"text":\ndata: "quiet"}\n\n', b'event: x\nid: 7\ndata: {"text":"LOUD"}\n\n'),
        (b'data: {"text": "quiet"}\r\n\r\n: x\r\n\r\n', b'data: {"text":"LOUD"}\r\n\r\n: x\r\n\r\n'),
        (b'event: x\r\ndata: {"text": "quiet"}\r\n\r\n', b'event: x\r\ndata: {"text":"LOUD"}\r\n\r\n'),
        (b'event: x\r\nid: 7\r\ndata: {"text": "gone"}\r\n\r\n: x\r\n\r\n', b": x\r\n\r\n"),
        (b'data: {"text": "quiet"}\r\rdata: 1\r\r', b'data: {"text":"LOUD"}\r\rdata: 1\r\r'),
        (b'\xef\xbb\xbfdata: {"text": "quiet"}\n\n', b'data: {"text":"LOUD"}\n\n'),
        (b'\xef\xbb\xbfdata: 1\n\ndata: {"text":"quiet"}\n\n', b'\xef\xbb\xbfdata: 1\n\ndata: {"text":"LOUD"}\n\n'),
        (b'data: {"text": "quiet"}', b'data: {"text":"LOUD"}\n\n'),
        (b'data: {"text": "quiet"}\n', b'data: {"text":"LOUD"}\n\n'),
        (b'data: 1\n\ndata: {"text": "qui', b'data: 1\n\ndata: {"text": "qui'),
        (b'data: 1\n\ndata: {"text": "quiet', b"data: 1\n\n"),
        (b": quiet please\n\ndata: 1\n\n", b": quiet please\n\ndata: 1\n\n"),
        (b'data: ["quiet"]\n\n', b'data: ["quiet"]\n\n'),
        (b'data: {"text":"quiet \\ud83d"}\n\n', b'data: {"text": "LOUD \\ud83d"}\n\n'),
        (b'data: {"text":"quiet","p":NaN}\n\n', b'data: {"text":"LOUD","p":null}\n\n'),
    ],
)
@few
@given(places=cuts)
def test_edits_of_events(stream: bytes, expected: bytes, places: list[int]) -> None:
    assert edited([Loud()], cut(stream, places)) == expected


def test_an_event_goes_out_when_it_is_whole_and_never_in_part() -> None:
    stream = EditedStream([Loud()])
    assert stream.feed(b'data: 1\n\ndata: {"te') == b"data: 1\n\n"
    assert stream.feed(b'xt":"quiet"}\n') == b""
    assert stream.feed(b"\ndata: 2\n\ndata:") == b'data: {"text":"LOUD"}\n\ndata: 2\n\n'
    assert stream.close() == b"data:"


def test_an_edit_may_look_for_more_once_it_has_begun() -> None:
    event = b'data: {"text":"%b"}\n\n'
    events = [event % b"a", event % b"quiet", event % b"b"]
    for pieces in (events, [b"".join(events)]):
        assert edited([Growing()], pieces) == event % b"a" + b'data: {"number":1}\n\ndata: {"number":2}\n\n'


def test_edits_follow_one_another() -> None:
    growing = Growing()
    assert edited([Loud(), growing], [b'data: {"text":"quiet"}\n\n']) == b'data: {"number":1}\n\n'
    assert edited([Loud(), growing], [b'data: {"text":"gone"}\n\n']) == b""
    assert growing.seen == 1


def test_what_cannot_be_read_and_holds_a_marker_is_refused() -> None:
    with pytest.raises(Refusal) as error:
        EditedStream([Loud()]).feed(b'data: {"text": quiet}\n\n')
    assert (error.value.kind, error.value.rule) == ("upstream", "upstream.unreadable_event")


@few
@given(noise, cuts)
def test_noise_goes_through_or_is_refused(stream: bytes, places: list[int]) -> None:
    class Looks(Loud):
        markers = (b"a",)

    try:
        edited([Looks()], cut(stream, places))
    except Refusal as error:
        assert error.kind == "upstream"


def test_a_line_feed_that_begins_a_piece_belongs_to_the_event_that_waits() -> None:
    """The line end of a waiting event was taken for the rest of a CR LF, and two events became one."""
    first, second = b'data: {"text": "quiet"}\r\rdata: {"a": 1}', b'\n\ndata: {"b": 2}\n\n'
    stream = EditedStream([Loud()])
    out = stream.feed(first) + stream.feed(second) + stream.close()
    whole = EditedStream([Loud()])
    assert out == whole.feed(first + second) + whole.close()
    assert DataReader().feed(out) == [b'{"text":"LOUD"}', b'{"a": 1}', b'{"b": 2}']


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b"\n\n\n", b"\r\n\r"])
def test_the_end_of_an_event_is_seen_in_its_last_bytes(end: bytes) -> None:
    assert ends_event(b"data: 1" + end) and ends_event(end[-END_BYTES:])
    assert not ends_event(b"data: 1" + end + b"d")


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n", b"data: 1", b"data: 1\n", b"data: 1\r\n", b"data: 1\r"])
def test_half_an_event_is_no_end(tail: bytes) -> None:
    assert not ends_event(tail)
