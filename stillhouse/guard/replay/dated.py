"""Exchanges of one file with their times, less those of clocks that had run ahead.

One exchange from the far future would make all that follow late. So those that are more than a day ahead of what is
believed are held until the ones that follow tell whether time went on or their clocks were wrong: a pause is believed
once many more have come behind it than before it, and not while others go on as if there were none. The first
exchanges of a file have nothing before them, so they are judged together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["AT_FIRST", "Dated"]

_DAY = 86_400_000_000
_LONGEST_PAUSE = 90 * _DAY
AT_FIRST = 8
One = TypeVar("One")


@dataclass(slots=True)
class Dated(Generic[One]):
    """Of exchanges, or of what stands for them. `skewed` is called with each that is set aside and its time.

    Times are microseconds since 1970. No more than 22 exchanges are held.
    """

    skewed: Callable[[One, int], None]
    _newest: int | None = None
    _held: list[tuple[One, int]] = field(default_factory=list)
    _against: int = 0
    """How many have come since the first of those held that go on as before."""

    @property
    def newest(self) -> int | None:
        """The newest time that is not ahead of the others, as far as that can be told now; None before any."""
        if self._newest is not None or not self._held:
            return self._newest
        ahead = self._middle() + _DAY
        return max(at for _, at in self._held if at <= ahead)

    def put(self, one: One, at: int) -> Iterator[tuple[One, int]]:
        """Those that count, as far as that can be told now."""
        if self._newest is not None and at <= self._newest + _DAY:
            self._newest = max(self._newest, at)
            yield one, at
            self._against += bool(self._held)
            if self._against == AT_FIRST:
                self._set_aside()
        else:
            self._held.append((one, at))
            if len(self._held) == AT_FIRST + 2 * self._against:
                yield from self._believe(self._middle())

    def passed(self, moment: float) -> Iterator[tuple[One, int]]:
        """Those held that count because it is `moment` now: what is from before that is not ahead."""
        past = [at for _, at in self._held if at < moment]
        if past:
            yield from self._believe(max(past))

    def rest(self) -> Iterator[tuple[One, int]]:
        """What is held at the end of the file."""
        if self._newest is None and self._held:
            yield from self._believe(self._middle())
        while len(self._held) > self._against and self._within_a_pause():
            yield from self._believe(self._middle())
        self._set_aside()

    def _believe(self, moment: int) -> Iterator[tuple[One, int]]:
        """Judge those held again: it is `moment`."""
        held, self._held, self._against = self._held, [], 0
        self._newest = moment if self._newest is None else max(self._newest, moment)
        for one, at in held:
            yield from self.put(one, at)

    def _middle(self) -> int:
        """The lower median of the times that are held."""
        return sorted(at for _, at in self._held)[(len(self._held) - 1) // 2]

    def _within_a_pause(self) -> bool:
        return self._newest is not None and self._middle() <= self._newest + _LONGEST_PAUSE

    def _set_aside(self) -> None:
        held, self._held, self._against = self._held, [], 0
        for one, at in held:
            self.skewed(one, at)
