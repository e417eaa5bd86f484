"""The chain of a gateway's segments: when one ends and the next begins.

A segment begins with the first frame, not before it, so an idle gateway leaves no empty files; it ends by size, by age
or with any error, since a new file is the one thing that is known to be in order after one.
"""

from collections.abc import Callable
from pathlib import Path

from stillhouse.guard.log.segment import Segment, list_segments, open_segment
from stillhouse.guard.settings import LogSettings

__all__ = ["Segments"]


class Segments:
    """Appends frames for one gateway. `on_finished` is called whenever a segment ended. Only for one thread."""

    def __init__(
        self,
        settings: LogSettings,
        folder: Path,
        gateway: str,
        clock: Callable[[], float],
        on_finished: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._gateway = gateway
        self._clock = clock
        self._on_finished = on_finished
        self._open: Segment | None = None
        self._number: int | None = None

    def append(self, frame: bytes) -> None:
        """Put one frame on disk (fsync), in a new segment where one is due. Raises OSError; trying again is safe."""
        if self._open is not None and self._is_due(len(frame)):
            self.finish()
        try:
            if self._open is None:
                self._open = open_segment(self._folder, self._gateway, self._clock(), self._next_number())
            self._open.append(frame)
        except OSError:
            self.finish()
            raise
        self._number = self._open.name.number + 1

    def finish(self) -> None:
        """End the open segment, if there is one."""
        if self._open is not None:
            segment, self._open = self._open, None
            segment.close()
            self._on_finished()

    def finish_if_due(self) -> None:
        """End a segment whose time is over though nothing more comes."""
        if self._open is not None and self._is_due(0):
            self.finish()

    def seconds_left(self) -> float | None:
        """Until the open segment's time is over; None if none is open."""
        return None if self._open is None else self._settings.segment_seconds - self._age(self._open)

    def _is_due(self, size: int) -> bool:
        segment = self._open
        assert segment is not None
        # A clock that was set back would let a segment live for ever.
        young = -1.0 <= self._age(segment) < self._settings.segment_seconds
        return not young or (segment.size > 0 and segment.size + size > self._settings.segment_bytes)

    def _age(self, segment: Segment) -> float:
        return self._clock() - segment.name.started

    def _next_number(self) -> int:
        """Numbers go on where an earlier process of this gateway ended, so a hole in them means a file that is gone."""
        if self._number is None:
            used = [name.number for name, _ in list_segments(self._folder) if name.gateway == self._gateway]
            self._number = max(used, default=0) + 1
        return self._number
