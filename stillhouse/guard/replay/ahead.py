"""Blocks of several logs that are begun before they are asked for, so that workers always have something to do.

Whoever merges logs asks for the block whose time it is, and which that is shows only as the merge proceeds. Begun
first is what is likely to be asked for first: a block of the log whose begun blocks reach least far in time. A wrong
guess costs a wait and nothing else.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from stillhouse.guard.replay.blocks import Block

__all__ = ["Ahead"]

Begun = TypeVar("Begun")
_NOWHERE = -(1 << 62)


class Ahead(Generic[Begun]):
    """`begin` starts the work on a block and does not wait for it. `most` bounds how many blocks are begun and not yet
    asked for, and with that the memory.
    """

    def __init__(self, logs: Sequence[Iterator[Block]], begin: Callable[[Block], Begun], most: int) -> None:
        self._logs = logs
        self._begin = begin
        self._most = most
        self._begun: list[deque[Begun]] = [deque() for _ in logs]
        self._waiting = 0
        self._reached = dict.fromkeys(range(len(logs)), _NOWHERE)
        """How far the begun blocks of each log reach that has more of them."""

    def of(self, log: int) -> Iterator[Begun]:
        """What was begun of the blocks of one log, in their order."""
        while self._begun[log] or self._begin_next(log):
            begun = self._begun[log].popleft()
            self._waiting -= 1
            while self._reached and self._waiting < self._most:
                self._begin_next(min(self._reached, key=self._reached.__getitem__))
            yield begun

    def _begin_next(self, log: int) -> bool:
        """Whether the log had another block."""
        block = next(self._logs[log], None)
        if block is None:
            self._reached.pop(log, None)
            return False
        self._reached[log] = self._reached[log] + 1 if block.ends is None else block.ends
        self._begun[log].append(self._begin(block))
        self._waiting += 1
        return True
