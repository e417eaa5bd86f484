"""Honest accounts against a reference of other honest accounts: e- and p-values of each span of each, at their most."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipes.validity.crowds import crowds
from recipes.validity.folding import Halved, exchanges, learnt, ticks
from recipes.validity.lives import Requests, rows
from recipes.validity.looks import PEOPLE
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.reference.reference import Reference

__all__ = ["Hypotheses", "hypotheses", "reference_of"]

_READ = 20_000
_GROUPS = 16


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Of every span of every account whose it is, -1 of one that was over within a tick; the largest ln e that was ever
    held against it, and the least ln p of the line `both`, -inf and 0 of one that was never judged.
    """

    account: NDArray[np.int64]
    log_e: NDArray[np.float64]
    log_p: NDArray[np.float64]


def reference_of(rng: np.random.Generator, asked: Requests, span: int) -> Reference:
    """Of a log of `span` microseconds of these accounts, and of some groups, without which there is no reference."""

    def log(halved: Halved) -> Iterator[Row]:
        groups = crowds(rng, PEOPLE[1], _GROUPS, span, halved, "g")
        return heapq.merge(rows(asked, 0, "a"), groups, key=lambda one: (one.at, one.id))

    return learnt(log, exchanges(asked, "a", _READ))


def hypotheses(reference: Reference, asked: Requests) -> Hypotheses:
    owner: dict[int, int] = {}
    log_e: dict[int, float] = {}
    log_p: dict[int, float] = {}
    detector = Detector(reference, DetectSettings())
    for tick in ticks(reference, lambda halved: rows(asked, 0, "a")):
        detector.fold(tick)
        for name in {row.account for row in tick}:
            account = detector.population.find(name)
            assert account is not None, "it was just counted"
            owner[account.number] = int(name[1:])
            case = detector.alone.cases.get(account.index)
            if case is not None and case.lines:
                log_e[case.number] = case.log_e
                log_p[case.number] = min(line.placed.log_p for line in case.lines if line.name == "both")
    spans = detector.population.spans
    made = Hypotheses(np.array([owner.get(at, -1) for at in range(spans)]), np.full(spans, -np.inf), np.zeros(spans))
    made.log_e[list(log_e)], made.log_p[list(log_p)] = list(log_e.values()), list(log_p.values())
    return made
