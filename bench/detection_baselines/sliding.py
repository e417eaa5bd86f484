"""How many events the last so many milliseconds hold, exactly: the window moves with each event, not with the clock."""

from collections import deque

__all__ = ["Sliding"]


class Sliding:
    """`most`, if given, bounds what is remembered: counts above it are all `most` + 1, which still exceeds it."""

    def __init__(self, span: int, most: int | None = None) -> None:
        self._span = span
        self._times: deque[int] = deque(maxlen=None if most is None else most + 1)

    def add(self, time: int) -> int:
        """Count an event: events less than `span` before it and itself. Times do not go back."""
        self._times.append(time)
        while time - self._times[0] >= self._span:
            self._times.popleft()
        return len(self._times)
