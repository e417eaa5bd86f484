"""Exchanges of one file with their times, less those of a clock that had run ahead.

One exchange from the far future would make all that follow late. So one that is more than a day ahead of those before
it is held until the next one tells whether time went on, or its clock was wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Dated"]

_DAY = 86_400_000_000
One = TypeVar("One")


@dataclass(slots=True)
class Dated(Generic[One]):
    """Of exchanges, or of what stands for them. `skewed` is called with each that is set aside and its time."""

    skewed: Callable[[One, int], None]
    _newest: int | None = None
    _held: tuple[One, int] | None = None

    def put(self, one: One, at: int) -> Iterator[tuple[One, int]]:
        """Those that count, with their times in microseconds since 1970, as far as that can be told now."""
        if self._held is not None:
            if at < self._held[1] - _DAY:
                self.skewed(*self._held)
            else:
                yield self._held
                self._newest = self._held[1]
            self._held = None
        if self._newest is not None and at > self._newest + _DAY:
            self._held = one, at
        else:
            yield one, at
            self._newest = at if self._newest is None else max(self._newest, at)

    def rest(self) -> Iterator[tuple[One, int]]:
        """What is held at the end of the file."""
        if self._held is not None:
            yield self._held
            self._held = None
