"""Ends a request's work when nobody waits for it any more, or when who should go on does not.

The connection tells of the client's end, and one timer, moved along lazily, watches both directions: an upstream that
sends nothing while we read, a client that takes nothing while we write. A timer for each chunk would cost more than the
chunk, and a task that waits for the client's end leaves rubbish for the garbage collector with every request.
"""

import asyncio
from typing import Literal, Protocol

__all__ = ["Connection", "Watch"]


class Connection(Protocol):
    """A client's connection: when it is lost it ends its `watches` with `client_gone`, and `gone` is true from then."""

    watches: set["Watch"]
    gone: bool


Ended = Literal["client_gone", "client_stalled", "upstream_stalled", "gateway_ends"]


class Watch:
    """Watches the task that makes one, and cancels it: `taken` says why. Use as a context manager."""

    def __init__(self, connection: Connection, send_seconds: float) -> None:
        self.ended: Ended | None = None
        self._connection = connection
        self._send_seconds = send_seconds
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._deadline = float("inf")
        self._on_deadline: Ended = "upstream_stalled"
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = self._deadline
        connection.watches.add(self)
        if connection.gone:
            self.end("client_gone")

    def reading(self, seconds: float) -> None:
        """The upstream has `seconds` from now."""
        self._until(self._loop.time() + seconds, "upstream_stalled")

    def writing(self) -> None:
        """The client has its time from now."""
        self._until(self._loop.time() + self._send_seconds, "client_stalled")

    def idle(self) -> None:
        """Only the client's leaving counts now."""
        self._deadline = float("inf")

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
        if self._timer is not None:
            self._timer.cancel()

    def _until(self, deadline: float, why: Ended) -> None:
        self._deadline, self._on_deadline = deadline, why
        if self._timer is None or deadline < self._armed_for:
            if self._timer is not None:
                self._timer.cancel()
            self._arm()

    def _arm(self) -> None:
        self._armed_for = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._loop.time() >= self._deadline:
            self.end(self._on_deadline)
        elif self._deadline != float("inf"):
            self._arm()

    def end(self, why: Ended) -> None:
        """Cancel the task, once."""
        if self.ended is None:
            self.ended = why
            self._task.cancel()
