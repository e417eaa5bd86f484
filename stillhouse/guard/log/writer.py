"""Takes exchanges from the event loop and puts them on disk, many at a time.

The loop only appends to a queue. One thread takes what comes, makes lines and packs them into one zstd frame, and
appends and syncs that when its time has come; while the disk works the next group gathers, so the number of exchanges
grows with the load and the number of syncs does not. Compression and disk leave the loop its interpreter, and lines are
made a few at a time as they come: all of an interval's at once would be felt by every request meanwhile.

An exchange is lost only where the process dies before its group is on disk (never one that was awaited under
`fsync: always`), where the disk refuses until more than `queue_bytes` wait or the gateway ends, or where it cannot be
written as JSON. All but the first are counted, and `accepting` is False before a full queue loses anything.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from stillhouse.errors import RecordError, StorageError
from stillhouse.guard.log.draft import Draft
from stillhouse.guard.log.line import LineMaker
from stillhouse.guard.log.privacy import Privacy
from stillhouse.guard.log.retention import Keeper, OnRemoved
from stillhouse.guard.log.segment import check_gateway
from stillhouse.guard.log.segments import Segments
from stillhouse.guard.settings import LogSettings
from stillhouse.records.files import check_place, disk_errors
from stillhouse.records.zstd_lines import Frame, FrameCompressor

__all__ = ["ExchangeWriter"]

_log = logging.getLogger("stillhouse.guard")
_HURRY_BYTES = 1 << 20
_LONGEST_GROUP = 4 << 20
_LEVEL = 3
_GATHER_SECONDS = 0.002
_LOOK_SECONDS = 0.01
_TURN_SECONDS, _REST_SECONDS = 0.0002, 0.00005
_SHARE_OF_INTERVAL = 0.75
_SHARE_ACCEPTED = 0.75
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0

_Kept = asyncio.Future[None]


@dataclass(slots=True)
class _Waiting:
    draft: Draft
    size: int
    kept: _Kept | None


@dataclass(slots=True)
class _Group:
    frame: Frame
    count: int = 0
    size: int = 0
    waiting: list[_Kept] = field(default_factory=list)


class ExchangeWriter:
    """The log of one gateway process. `add`, `start` and `close` belong to the loop's thread.

    `folder` is where segments go; `gateway` is part of their names and need not be unique. `scaffold_secret` is needed
    below `full` (ConfigError). `on_removed(path, digest, exchanges)` is called when retention removes a segment, in a
    thread of the log and before the file goes; a StorageError from it keeps the file.
    """

    def __init__(
        self,
        settings: LogSettings,
        folder: Path,
        *,
        gateway: str,
        clock: Callable[[], float],
        scaffold_secret: bytes | None = None,
        on_removed: OnRemoved = lambda path, digest, exchanges: None,
    ) -> None:
        check_gateway(gateway)
        self.failed: StorageError | None = None
        """Why nothing can be written now; None as long as the disk takes what it is given."""
        self.kept = 0
        """Exchanges on disk since the start."""
        self._settings = settings
        self._folder = folder
        self._always = settings.fsync == "always"
        self._lines = LineMaker(Privacy(settings.privacy, scaffold_secret))
        self._keeper: Keeper | None = None
        if settings.retain_days is not None:
            self._keeper = Keeper(folder, settings.retain_days, clock, on_removed)
        self._compressor = FrameCompressor(_LEVEL)
        self._segments = Segments(settings, folder, gateway, clock, self._segment_finished)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._taken: deque[_Waiting] = deque()
        self._working = _Group(self._compressor.begin())
        # Each counter has one thread that writes it, so none needs a lock: the loop's three, the writer's two.
        self._added = 0
        self._bytes_in = 0
        self._refused = 0
        self._bytes_out = 0
        self._given_up = 0
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exchange-log", daemon=True)
        self._ended = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the folder if there is none, and begin. Raises StorageError if nothing can be written there."""
        with disk_errors(self._folder, 0):
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        check_place(self._folder / "segment", make_parents=False)
        self._loop = loop
        self._thread.start()
        if self._keeper is not None:
            self._keeper.start()

    @property
    def waiting_bytes(self) -> int:
        """About how much is in memory only."""
        return self._bytes_in - self._bytes_out

    @property
    def lost(self) -> int:
        """Exchanges that were given to the log and will not be on disk."""
        return self._refused + self._given_up

    @property
    def accepting(self) -> bool:
        """Whether a new request may begin. The last quarter of the queue is for those that have begun already."""
        return (
            self.failed is None
            and self._loop is not None
            and not self._ended
            and not self._closing.is_set()
            and self.waiting_bytes < _SHARE_ACCEPTED * self._settings.queue_bytes
        )

    def add(self, draft: Draft) -> "asyncio.Future[None] | None":
        """Give an exchange to the log. Never waits.

        Under `fsync: always` the future is done when the exchange is on disk; it raises StorageError when a try to put
        it there failed, though the log keeps it and tries on, and RecordError where it cannot be written at all. Under
        `interval` there is none. Raises StorageError where the queue is full: this exchange is not kept.
        """
        if self._ended or self._loop is None or self._closing.is_set():
            raise StorageError(f"{self._folder}: the exchange log is not running; restart the gateway")
        size = draft.size
        waiting = self._bytes_in - self._bytes_out
        if waiting and waiting + size > self._settings.queue_bytes:
            self._refused += 1
            raise StorageError(
                f"{self._folder}: {waiting:,} bytes of exchanges wait for the disk already; "
                "free space there, or raise log.queue_bytes"
            )
        kept = self._loop.create_future() if self._always else None
        self._added += 1
        self._bytes_in += size
        self._queue.put(_Waiting(draft, size, kept))
        if waiting + size >= _HURRY_BYTES and not self._hurry.is_set():
            self._hurry.set()
        return kept

    async def close(self) -> None:
        """Put everything that waits on disk and end. StorageError if the disk refuses; what it refused is lost."""
        if self._loop is None:
            return
        if not self._closing.is_set():
            self._closing.set()
            self._hurry.set()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.stop)
        if self.failed is not None:
            raise StorageError(f"{self.failed} ({self.lost:,} exchanges are lost)")

    def _segment_finished(self) -> None:
        if self._keeper is not None:
            self._keeper.look()

    # What follows runs in the writer's thread.

    def _run(self) -> None:
        ended = False
        try:
            drained = time.monotonic()
            closing = False
            while not closing:
                closing = self._closing.is_set()
                if not closing and self._wait_for_first():
                    drained = time.monotonic()
                group, drained = self._gather(0.0 if closing else self._until(drained))
                self._keep(group)
                while self._taken:
                    group, drained = self._gather(0.0)
                    self._keep(group)
            self._segments.finish()
            ended = True
        finally:
            self._ended = True
            if not ended:
                # A fault of this program. Nobody may wait for it, and no request may begin.
                self._drain()
                self._given_up = self._added - self.kept
                self._refuse(StorageError(f"{self._folder}: the exchange log has stopped; restart the gateway"))

    def _wait_for_first(self) -> bool:
        """Wait until something is there; whether it came only now."""
        if not self._queue.empty():
            return False
        while True:
            left = self._segments.seconds_left()
            try:
                first = self._queue.get(timeout=None if left is None else max(left, 0.05))
            except Empty:
                self._segments.finish_if_due()
                continue
            if first is not None:
                self._taken.append(first)
            return True

    def _until(self, since: float) -> float:
        """How long a group gathers whose oldest exchange was added at `since` or later."""
        if self._always:
            return time.monotonic() + _GATHER_SECONDS
        return since + _SHARE_OF_INTERVAL * self._settings.interval_seconds

    def _gather(self, until: float) -> tuple[_Group, float]:
        """The next group, and the time since which whatever waits in the queue then was added."""
        group = self._working = _Group(self._compressor.begin())
        while True:
            hurried = self._hurry.is_set()
            if hurried and not self._closing.is_set():
                self._hurry.clear()
            drained = self._drain()
            self._pack(group)
            left = until - time.monotonic()
            if hurried or left <= 0 or self._taken:
                return group, drained
            self._hurry.wait(min(left, _LOOK_SECONDS))

    def _drain(self) -> float:
        """Take over all that waits in the queue. The time since which whatever is in it then was added."""
        now = time.monotonic()
        try:
            while True:
                waiting = self._queue.get_nowait()
                if waiting is not None:
                    self._taken.append(waiting)
        except Empty:
            return now

    def _pack(self, group: _Group) -> None:
        """Make lines of what was taken until the group is full, with rests in which others have the interpreter."""
        lines = bytearray()
        until = time.perf_counter() + _TURN_SECONDS
        while self._taken and group.frame.lines_bytes + len(lines) < _LONGEST_GROUP:
            waiting = self._taken.popleft()
            group.size += waiting.size
            if waiting.kept is not None:
                group.waiting.append(waiting.kept)
            try:
                lines += self._lines.line(waiting.draft)
            except Exception as fault:
                error = fault if isinstance(fault, RecordError) else RecordError(f"an exchange: {fault}")
                if error is not fault:
                    # A fault of ours: one exchange is lost to it, not the log.
                    _log.exception("exchange %s could not be made a line", waiting.draft.id)
                self._given_up += 1
                if waiting.kept is not None:
                    self._settle([group.waiting.pop()], error)
            else:
                group.count += 1
            if time.perf_counter() > until:
                time.sleep(_REST_SECONDS)
                until = time.perf_counter() + _TURN_SECONDS
        if lines:
            group.frame.add(bytes(lines))

    def _keep(self, group: _Group) -> None:
        """Put a group on disk, however long that takes; when the log is closed, with one more try."""
        if not group.size:
            return
        pause = _FIRST_PAUSE
        frame = group.frame.end() if group.frame.lines_bytes else b""
        while not self._write(group, frame):
            if self._closing.is_set():
                self._given_up += group.count
                self._bytes_out += group.size
                return
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _write(self, group: _Group, frame: bytes) -> bool:
        try:
            if frame:
                with disk_errors(self._folder / "segment", len(frame)):
                    self._segments.append(frame)
        except OSError as error:
            refused = error if isinstance(error, StorageError) else StorageError(f"{self._folder}: {error}")
            self._refuse(refused)
            return False
        if frame and self.failed is not None:
            _log.warning("the exchange log is written again")
            self.failed = None
        self._bytes_out += group.size
        self.kept += group.count
        self._settle(group.waiting, None)
        group.waiting = []
        return True

    def _refuse(self, error: StorageError) -> None:
        """Tell everybody who waits that the disk refuses, also those whose turn had not come."""
        if self.failed is None:
            _log.error("the exchange log cannot be written, requests are refused: %s", error)
        self.failed = error
        self._drain()
        waiting, self._working.waiting = self._working.waiting, []
        for one in self._taken:
            if one.kept is not None:
                waiting.append(one.kept)
                one.kept = None
        self._settle(waiting, error)

    def _settle(self, waiting: list[_Kept], error: RecordError | StorageError | None) -> None:
        if waiting and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_settle, waiting, error)


def _settle(waiting: list[_Kept], error: RecordError | StorageError | None) -> None:
    for kept in waiting:
        if kept.done():
            # Whoever waited was cancelled.
            continue
        if error is None:
            kept.set_result(None)
        else:
            # One error each, since raising changes it; looked at here, so that nobody has to wait for it.
            kept.set_exception(type(error)(str(error)))
            kept.exception()
