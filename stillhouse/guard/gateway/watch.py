"""Ends a request's work when nobody waits for it any more, or when who should go on does not.

The connection tells of the client's end (also of one that takes nothing, `client_transport.py`), and one timer a
connection, moved along lazily, watches for an upstream that sends nothing. A timer for each chunk would cost more than
the chunk, one for each request still as much as all its metrics, and a task that waits for the client's end leaves
rubbish for the garbage collector with every request.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Literal

__all__ = ["Connection", "Watch"]

Ended = Literal["client_gone", "upstream_stalled", "gateway_ends"]


class Connection:
    """What is under way for one client.

    `body_waits`: something of the running request's body can be had at once. `close` ends the connection behind what
    was written.
    """

    __slots__ = ("_loop", "_timer", "body_follows", "body_waits", "close", "due", "gone", "watches")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, body_waits: Callable[[], bool], close: Callable[[], None]
    ) -> None:
        self.watches: set[Watch] = set()
        self.gone = False
        self.body_waits = body_waits
        self.close = close
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
                watch.end("upstream_stalled")
            elif watch.deadline < self.due:
                self.look_at(watch.deadline)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.due = None, inf


class Watch:
    """Watches the task that makes one, and cancels it: `taken` says why. Use as a context manager."""

    __slots__ = ("_connection", "_loop", "_task", "deadline", "ended")

    def __init__(self, connection: Connection) -> None:
        self.ended: Ended | None = None
        self.deadline = inf
        """The loop's time at which the task is cancelled for its upstream's stall."""
        self._connection = connection
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
        if deadline < self._connection.due:
            self._connection.look_at(deadline)

    def idle(self) -> None:
        """The upstream is not waited for; only the client's leaving counts."""
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
