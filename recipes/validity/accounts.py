"""Honest accounts against a reference of other honest accounts: the e-value of each, at its largest."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipes.validity.crowds import crowds
from recipes.validity.folding import Halved, exchanges, fold, learnt
from recipes.validity.lives import Requests, rows
from recipes.validity.looks import PEOPLE
from stillhouse.guard.detect.row import Row
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.replay.records import account_records

__all__ = ["Judged", "judged", "reference_of"]

_READ = 20_000
_GROUPS = 16


@dataclass(frozen=True, slots=True)
class Judged:
    """Of each account that asked: how much it asked, and the largest ln e that was ever held against it [accounts]."""

    exchanges: NDArray[np.int64]
    log_e: NDArray[np.float64]


def reference_of(rng: np.random.Generator, asked: Requests, span: int) -> Reference:
    """Of a log of `span` microseconds of these accounts, and of some groups, without which there is no reference."""

    def log(halved: Halved) -> Iterator[Row]:
        groups = crowds(rng, PEOPLE[1], _GROUPS, span, halved, "g")
        return heapq.merge(rows(asked, 0, "a"), groups, key=lambda one: (one.at, one.id))

    return learnt(log, exchanges(asked, "a", _READ))


def judged(reference: Reference, asked: Requests) -> Judged:
    """What the detector holds against each account after the last request, in the order of their numbers."""
    records = account_records(fold(reference, lambda halved: rows(asked, 0, "a")))
    of = {int(record["account"][1:]): record for record in records}
    return Judged(
        np.array([of[at]["exchanges"] for at in sorted(of)], np.int64),
        np.array([of[at]["log_e"] for at in sorted(of)], np.float64),
    )
