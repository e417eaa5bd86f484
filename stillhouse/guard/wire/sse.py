"""Streams of server-sent events as bytes: read along on the side, or changed in place where an edit must.

A stream is cut into whole events and not parsed further: what no edit is meant for goes out as the same bytes. Lines
end with LF, CR LF or CR, events with an empty line (WHATWG HTML, section 9.2.6). A CR LF that is cut in two leaves an
LF at the head of the next piece, which is an empty line more and so nothing.
"""

import re
from collections.abc import Sequence
from typing import Any

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire.base import AnswerEdit
from stillhouse.guard.wire.odd_json import read_json, write_json

__all__ = ["END_BYTES", "EVENT_BYTES", "DataReader", "EditedStream", "ends_event"]

EVENT_BYTES = 16 << 20
"""The longest event that is held in memory while its end has not come."""

_BOM = b"\xef\xbb\xbf"
# Atomic: the CR of a CR LF is no line end of its own.
_END = re.compile(rb"(?>\r\n|[\r\n])(?>\r\n|[\r\n])")
_ENDS = re.compile(_END.pattern + rb"\Z")
_LINE = re.compile(rb"(?>\r\n|[\r\n])")
END_BYTES = 4
"""The longest end of an event: two line ends of two bytes each."""


def ends_event(tail: bytes) -> bool:
    """Whether bytes of a stream end with the end of an event; `END_BYTES` of them tell."""
    return _ENDS.search(tail[-END_BYTES:]) is not None


class _Cutter:
    """Gives back a stream's bytes up to the end of the last whole event; the rest waits in `rest`."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = bytearray()

    def whole(self, chunk: bytes) -> bytes:
        rest = self.rest
        if not rest and chunk.endswith(b"\n\n"):
            return chunk
        # An event's end may lie across the seam: its line ends are four bytes at most.
        start = max(0, len(rest) - 3)
        rest += chunk
        end = 0
        if rest.find(b"\r", start) < 0:
            end = rest.rfind(b"\n\n", start) + 2
            if end == 1:
                return b""
        else:
            for match in _END.finditer(rest, start):
                end = match.end()
            if end == 0:
                return b""
        done = bytes(rest[:end])
        del rest[:end]
        return done


class DataReader:
    """The data of each event of a stream that comes cut anywhere.

    `lost` says that an event was longer than `EVENT_BYTES`: it is let go, and what follows is read on.
    """

    __slots__ = ("_cutter", "_first", "lost")

    def __init__(self) -> None:
        self.lost = False
        self._cutter = _Cutter()
        self._first = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that these bytes complete; events without data are left out."""
        whole = self._cutter.whole(chunk)
        if not whole:
            if len(self._cutter.rest) > EVENT_BYTES:
                self._cutter.rest.clear()
                self.lost = True
            return []
        if self._first:
            self._first = False
            whole = whole.removeprefix(_BOM)
        found = []
        odd = b"\r" in whole
        for event in _END.split(whole) if odd else whole.split(b"\n\n"):
            if not event:
                continue
            at = 0 if odd else _plain(event)
            data = event[at:] if at else _data(event)
            if data is not None:
                found.append(data)
        return found

    def rest(self) -> bytes | None:
        """The data of an event whose end has not come, if it could be all of it: it may end with this byte."""
        # Asked after each piece, so a long event must not be copied each time: JSON and `[DONE]` end with a bracket.
        if not self._cutter.rest[-3:].rstrip(b"\r\n").endswith((b"}", b"]")):
            return None
        rest = bytes(self._cutter.rest)
        return _data(rest.removeprefix(_BOM) if self._first else rest)

    def drop_rest(self) -> None:
        """Do not read `rest` again."""
        self._cutter.rest.clear()


class EditedStream:
    """A stream on its way out, with `edits` made to the events that they are meant for.

    Everything else goes out as the same bytes: events without a marker, events that no edit changed, comments. An event
    is held back until it is whole. Raises Refusal(upstream) where one is longer than `EVENT_BYTES`, or holds a marker
    and cannot be read: passed on unread, it could hold what an edit is there to keep back.
    """

    __slots__ = ("_cutter", "_edits", "_first", "_markers", "_owed")

    def __init__(self, edits: Sequence[AnswerEdit]) -> None:
        self._edits = tuple(edits)
        self._markers = _markers(self._edits)
        self._cutter = _Cutter()
        self._first = True
        self._owed = False
        """Whether the event that was dropped last may still have the LF of its last CR LF to come."""

    def feed(self, chunk: bytes) -> bytes:
        """What goes out now, possibly nothing."""
        if not self._edits:
            return chunk
        if self._owed and chunk:
            self._owed = False
            chunk = chunk if self._cutter.rest else chunk.removeprefix(b"\n")
        whole = self._cutter.whole(chunk)
        if len(self._cutter.rest) > EVENT_BYTES:
            raise Refusal("upstream", "upstream.endless_event", "The model's server sent an event without an end.")
        for marker in self._markers:
            if marker in whole:
                return self._edited(whole)
        if whole:
            self._first = False
        return whole

    def close(self) -> bytes:
        """What goes out last: an event whose final empty line never came, if it is whole without it."""
        rest = bytes(self._cutter.rest)
        self._cutter.rest.clear()
        try:
            return self._event(rest, b"")
        except Refusal:
            return b""  # cut off: no client could read it either

    def _edited(self, whole: bytes) -> bytes:
        if b"\r" not in whole:
            return b"".join([self._event(event, b"\n\n") for event in whole.split(b"\n\n")[:-1]])
        out = []
        start = 0
        for match in _END.finditer(whole):
            out.append(self._event(whole[start : match.start()], match.group()))
            start = match.end()
        return b"".join(out)

    def _event(self, event: bytes, end: bytes) -> bytes:
        """One event as it goes out; `end` is its empty line with the line end before it."""
        self._owed = False
        meant = [edit for edit in self._edits if _found(edit.markers, event)]
        text = event.removeprefix(_BOM) if self._first else event
        self._first = False
        if not meant:
            return event + end
        at = _plain(text)
        data = text[at:] if at else _data(text)
        if data is None:
            return event + end
        value = _read(data)
        if not isinstance(value, dict):
            return event + end
        before = write_json(value)
        edited: dict[str, Any] | None = value
        for edit in meant:
            if edited is not None:
                edited = edit.edit_event(edited)
        self._markers = _markers(self._edits)
        if edited is None:
            self._owed = end.endswith(b"\r")
            return b""
        after = write_json(edited)
        if after == before:
            return event + end
        return text[:at] + after + end if at and end else _with_data(text, after, end)


def _found(markers: tuple[bytes, ...], event: bytes) -> bool:
    for marker in markers:  # noqa: SIM110, a generator costs more than the search
        if marker in event:
            return True
    return False


def _markers(edits: tuple[AnswerEdit, ...]) -> tuple[bytes, ...]:
    return edits[0].markers if len(edits) == 1 else tuple(marker for edit in edits for marker in edit.markers)


def _read(data: bytes) -> Any:
    try:
        return read_json(data)
    except ValueError:
        message = "The model's server sent an event that cannot be read."
        raise Refusal("upstream", "upstream.unreadable_event", message) from None


def _plain(event: bytes) -> int:
    """Where the data begins in an event as all servers write it: lines end with LF, the last one is its only data line.

    0 in any other, which is then read line by line.
    """
    if event.startswith(b"data: "):
        return 6 if b"\n" not in event and b"\r" not in event else 0
    if event.startswith(b"event:") and b"\r" not in event:
        at = event.find(b"\n") + 1
        if at and event.startswith(b"data: ", at) and event.find(b"\n", at) < 0:
            return at + 6
    return 0


def _data(event: bytes) -> bytes | None:
    """The data of one event: its data lines, joined by LF; None where it has none."""
    lines = [line[5:].removeprefix(b" ") for line in _LINE.split(event) if line.startswith(b"data:") or line == b"data"]
    return b"\n".join(lines) if lines else None


def _with_data(event: bytes, data: bytes, end: bytes) -> bytes:
    """The event with other data; its name, id and comments stay. Without an `end` of its own it gets one."""
    first = _LINE.search(event)
    between = first.group() if first else b"\n"
    lines = [line for line in _LINE.split(event) if line and not line.startswith(b"data:") and line != b"data"]
    return between.join([*lines, b"data: " + data]) + (end or between * 2)
