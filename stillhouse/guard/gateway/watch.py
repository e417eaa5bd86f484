"""Ends a request's work when nobody waits for it any more, or when who should go on does not.

The connection tells of the client's end, and one timer a connection, moved along lazily, watches both directions: an
upstream that sends nothing while we read, a client that takes nothing while we write. A timer for each chunk would cost
more than the chunk, one for each request still as much as all its metrics, and a task that waits for the client's end
leaves rubbish for the garbage collector with every request.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Literal

__all__ = ["Connection", "Watch"]

Ended = Literal["client_gone", "client_stalled", "upstream_stalled", "gateway_ends"]


class Connection:
    """What is under way for one client. `body_waits`: something of the running request's body can be had at once."""

    __slots__ = ("_loop", "_timer", "body_follows", "body_waits", "due", "gone", "watches")

    def __init__(self, loop: asyncio.AbstractEventLoop, body_waits: Callable[[], bool]) -> None:
        self.watches: set[Watch] = set()
        self.gone = False
        self.body_waits = body_waits
        self.body_follows = False
        """The head that is written next is followed by its body at once."""
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self.due = inf
        """The loop's time at which the timer comes."""

    def lost(self) -> None:
        """The client has gone: everything ends that was under way for it."""
        self.gone = True
        self._stop()
        for watch in tuple(self.watches):
            watch.end("client_gone")

    def look_at(self, deadline: float) -> None:
        """See to it that deadlines are looked at then, which is earlier than `due`."""
        self._stop()
        self.due = deadline
        self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer, self.due = None, inf
        now = self._loop.time()
        for watch in tuple(self.watches):
            if watch.deadline <= now:
                watch.end(watch.on_deadline)
            elif watch.deadline < self.due:
                self.look_at(watch.deadline)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.due = None, inf


class Watch:
    """Watches the task that makes one, and cancels it: `taken` says why. Use as a context manager."""

    __slots__ = ("_connection", "_loop", "_send_seconds", "_task", "deadline", "ended", "on_deadline")

    def __init__(self, connection: Connection, send_seconds: float) -> None:
        self.ended: Ended | None = None
        self.deadline = inf
        """The loop's time at which the task is cancelled for `on_deadline`."""
        self.on_deadline: Ended = "upstream_stalled"
        self._connection = connection
        self._send_seconds = send_seconds
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        connection.watches.add(self)
        if connection.gone:
            self.end("client_gone")

    def reading(self, seconds: float) -> None:
        """The upstream has `seconds` from now."""
        self.deadline = deadline = self._loop.time() + seconds
        self.on_deadline = "upstream_stalled"
        if deadline < self._connection.due:
            self._connection.look_at(deadline)

    def writing(self) -> None:
        """The client has its time from now."""
        self.deadline = deadline = self._loop.time() + self._send_seconds
        self.on_deadline = "client_stalled"
        if deadline < self._connection.due:
            self._connection.look_at(deadline)

    def idle(self) -> None:
        """Only the client's leaving counts now."""
        self.deadline = inf

    def now(self) -> float:
        """The loop's time in seconds."""
        return self._loop.time()

    def taken(self, error: BaseException) -> Ended | None:
        """Why this watch cancelled the task, where that is what the task caught; the cancelling is then taken back."""
        why = self.ended
        if why is None or not isinstance(error, asyncio.CancelledError):
            return None
        self.ended = None
        self._task.uncancel()
        return why

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.watches.discard(self)

    def end(self, why: Ended) -> None:
        """Cancel the task, once."""
        if self.ended is None:
            self.ended = why
            self._task.cancel()
