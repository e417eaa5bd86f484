"""PRADA's growing set: how far a query is from the nearest of those before it that were far from each other.

The detection of Juuti, Szyller, Marchal, Asokan, "PRADA: Protecting Against DNN Model Stealing Attacks" (EuroS&P
2019, arXiv 1805.02628), for one class. A query joins the set where its distance is above T, and T then becomes max(T,
mean - standard deviation) of the distances with which the members joined, 0 for the first.
"""

import numpy as np

from bench.detection_baselines.embedding import Vectors

__all__ = ["MOST_MEMBERS", "GrowingSet"]

MOST_MEMBERS = 2048
_FIRST_ROOM = 128


class GrowingSet:
    """At most MOST_MEMBERS vectors; a full set goes on telling distances."""

    def __init__(self) -> None:
        self.threshold = 0.0
        self._members = np.empty((0, 0), np.float32)
        self._squares = np.empty(0, np.float32)
        self._size = 0
        self._sum = self._sum_of_squares = 0.0

    def __len__(self) -> int:
        return self._size

    def add(self, query: Vectors) -> float | None:
        """Euclidean distance to the nearest member; None for the first query of all."""
        if not self._size:
            self._join(query, 0.0)
            return None
        members = self._members[: self._size]
        nearest = int(np.argmin(self._squares[: self._size] - 2.0 * (members @ query)))
        # From the difference, not from the products: a repeated query is at a distance of exactly 0.
        distance = float(np.linalg.norm(members[nearest] - query))
        if distance > self.threshold and self._size < MOST_MEMBERS:
            self._join(query, distance)
        return distance

    def _join(self, query: Vectors, distance: float) -> None:
        if self._size == len(self._members):
            room = max(_FIRST_ROOM, 2 * self._size)
            members, squares = np.empty((room, len(query)), np.float32), np.empty(room, np.float32)
            if self._size:
                members[: self._size], squares[: self._size] = self._members, self._squares
            self._members, self._squares = members, squares
        self._members[self._size] = query
        self._squares[self._size] = query @ query
        self._size += 1
        self._sum += distance
        self._sum_of_squares += distance * distance
        mean = self._sum / self._size
        deviation = max(0.0, self._sum_of_squares / self._size - mean * mean) ** 0.5
        self.threshold = max(self.threshold, mean - deviation)
