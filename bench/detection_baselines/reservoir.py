"""A sample of a stream in one pass and bounded memory: each item with the same probability (Vitter 1985, R)."""

from typing import Generic, TypeVar

import numpy as np

__all__ = ["Reservoir"]

T = TypeVar("T")


class Reservoir(Generic[T]):
    """At most `size` items of all that are offered."""

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self.items: list[T] = []
        self.offered = 0
        self._size = size
        self._random = random

    def offer(self, item: T) -> None:
        self.offered += 1
        if len(self.items) < self._size:
            self.items.append(item)
            return
        place = int(self._random.integers(self.offered))
        if place < self._size:
            self.items[place] = item
