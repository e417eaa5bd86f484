"""Honest accounts against a reference of other honest accounts: the e-value of each, at its largest."""

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recipes.validity.crowds import crowds
from recipes.validity.folding import Halved, exchanges, fold, learnt
from recipes.validity.lives import Requests, rows
from recipes.validity.looks import PEOPLE
from stillhouse.guard.detect.row import Row
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.replay.records import account_records

__all__ = ["largest_log_e", "reference_of"]

_READ = 20_000
_GROUPS = 16
_NOTHING = -745.0
"""What the records of a replay say of an account without any evidence."""


def reference_of(rng: np.random.Generator, asked: Requests, span: int) -> Reference:
    """Of a log of `span` microseconds of these accounts, and of some groups, without which there is no reference."""

    def log(halved: Halved) -> Iterator[Row]:
        groups = crowds(rng, PEOPLE[1], _GROUPS, span, halved, "g")
        return heapq.merge(rows(asked, 0, "a"), groups, key=lambda one: (one.at, one.id))

    return learnt(log, exchanges(asked, "a", _READ))


def largest_log_e(reference: Reference, asked: Requests) -> NDArray[np.float64]:
    """The largest ln e that was ever held against each account [accounts], by number; -inf where there was nothing."""
    detector = fold(reference, lambda halved: rows(asked, 0, "a"))
    log_es = np.full(int(asked.account.max()) + 1, _NOTHING)
    for record in account_records(detector):
        log_es[int(record["account"][1:])] = record["log_e"]
    return np.where(log_es > _NOTHING, log_es, -np.inf)
