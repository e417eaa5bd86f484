"""What assemblers of all formats share: bytes to events, and the little that can be wrong with one.

An assembler stands beside the answer, never in its way: whatever the upstream sends, it goes on. It reads events many
at a time, which costs less than reading each as it comes; from the first that may be the format's end on, each is read
at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from stillhouse.guard.wire.base import Assembled
from stillhouse.guard.wire.odd_json import mended, read_odd, too_deep
from stillhouse.guard.wire.sse import DataReader

__all__ = ["HIDDEN", "EventAssembler", "NothingAssembled"]

HIDDEN = b"\\u00"
"""The escape in which JSON can hide a letter of a name."""

_TOGETHER = 8192  # bytes: some forty events, which hold the event loop for a tenth of a millisecond
_SEAM = 32  # bytes: longer than any mark


class EventAssembler(ABC):
    """Reads events and hands each one's object to `_take`; `_ended` is set by the format's own end.

    `_end_marks`: one of them is in the bytes of each event that is the format's end.
    """

    _ends_with_done: ClassVar[bool] = False
    _end_marks: ClassVar[tuple[bytes, ...]]

    def __init__(self) -> None:
        self._reader = DataReader()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._seam = b""
        self._marked = False
        self._ended = False
        self._odd = False
        self._error: Mapping[str, Any] | None = None

    @property
    def complete(self) -> bool:
        if not self._ended and not self._waiting:
            self._take_rest()
        return self._ended and not self._reader.lost

    def feed(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        if not self._marked:
            seen = self._seam + chunk
            self._seam = seen[-_SEAM:]
            for mark in self._end_marks:
                if mark in seen:
                    self._marked = True
        if self._marked or self._waiting_bytes >= _TOGETHER:
            self._read_waiting()

    def _read_waiting(self) -> None:
        whole = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        for data in self._reader.feed(whole):
            try:
                event = orjson.loads(data)
            except orjson.JSONDecodeError:
                event = self._unusual(data)
            if type(event) is dict and not too_deep(data, event):
                self._take(event)

    def result(self) -> Assembled:
        if self._waiting:
            self._read_waiting()
        complete = self.complete
        body = self._body()
        if self._odd and body is not None:
            body = mended(body)
        return Assembled(body, self._usage(body) if body is not None else {}, complete, self._error)

    @abstractmethod
    def _take(self, event: dict[str, Any]) -> None: ...

    @abstractmethod
    def _body(self) -> dict[str, Any] | None: ...

    @abstractmethod
    def _usage(self, body: Mapping[str, Any]) -> dict[str, int]: ...

    def _failed(self, event: dict[str, Any]) -> None:
        """Keep what an error event says."""
        error = event.get("error")
        self._error = error if isinstance(error, dict) else event

    def _unusual(self, data: bytes) -> Any:
        """What orjson does not read: the older formats' end, odd JSON, or nothing of use."""
        if data.startswith(b"[DONE]"):
            self._ended = self._ended or self._ends_with_done
            return None
        try:
            event = read_odd(data)
        except ValueError:
            return None
        self._odd = True
        return event

    def _take_rest(self) -> None:
        """An event whose final empty line has not come, if all of its data has."""
        data = self._reader.rest()
        if data is None:
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = self._unusual(data)
        if type(event) is dict or self._ended:
            self._reader.drop_rest()
        if type(event) is dict and not too_deep(data, event):
            self._take(event)


class NothingAssembled:
    """For APIs that do not stream."""

    complete = False

    def feed(self, chunk: bytes) -> None:
        pass

    def result(self) -> Assembled:
        return Assembled(None)
