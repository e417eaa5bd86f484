"""Honest groups from rows to decisions: linked, looked at and weighed by the detector itself."""

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recipes.validity.crowds import crowds
from recipes.validity.folding import Halved, exchanges, fold, learnt
from recipes.validity.lives import DAY, KINDS, live, rows
from recipes.validity.looks import People
from stillhouse.guard.detect.row import Row

__all__ = ["detected"]

_SPAN = 7 * DAY
_BESIDE = 8000
_READ = 500


def detected(rng: np.random.Generator, people: People, reference_groups: int, groups: int) -> NDArray[np.float64]:
    """ln e of each group that was looked at, of new `groups` against a reference of so many.

    Both logs have accounts without a group as well, because what a hundredth of a log shares links nobody.
    """
    asked = live(rng, _READ, 1.0, _SPAN, KINDS)
    read = exchanges(asked, "x", len(asked.at))
    reference = learnt(lambda halved: _log(rng, people, reference_groups, halved, "r"), read)
    detector = fold(reference, lambda halved: _log(rng, people, groups, halved, "l"))
    return np.array([case.log_e for case in detector.cases.values() if case.looks and case.group.kind == "wording"])


def _log(rng: np.random.Generator, people: People, groups: int, halved: Halved, name: str) -> Iterator[Row]:
    alone = rows(live(rng, _BESIDE, 1.0, _SPAN, KINDS[:1]), 0, f"{name}a")
    together = crowds(rng, people, groups, _SPAN, halved, f"{name}g")
    return heapq.merge(alone, together, key=lambda one: (one.at, one.id))
