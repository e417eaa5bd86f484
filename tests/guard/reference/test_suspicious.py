"""A campaign inside the reference: what it does to the null of groups, and that learning names it."""

import math
from collections.abc import Iterator
from heapq import merge

import numpy as np
import pytest

from recipes.validity.crowds import crowds
from recipes.validity.folding import Halved, exchanges, learnt
from recipes.validity.lives import DAY, KINDS, live, rows
from recipes.validity.looks import PEOPLE, People
from stillhouse.guard.detect.row import Row
from stillhouse.guard.evidence.group import LEAST_PARTIES
from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.reference.reference import Reference

HONEST = next(people for people in PEOPLE if people.name == "normal, spread 0.5")
QUEUE = People("a queue of work", False, lambda rng, n: np.full(n, -9.0))
GROUPS = 16


@pytest.fixture(scope="module")
def references() -> list[Reference]:
    """Of the same honest groups, without and with three queues among them."""
    return [_with_queues(queues) for queues in (0, 3)]


def _with_queues(queues: int) -> Reference:
    alone = live(np.random.default_rng(1), 4000, 1.0, DAY, KINDS[:1])

    def log(halved: Halved) -> Iterator[Row]:
        groups = crowds(np.random.default_rng(2), HONEST, GROUPS, DAY, halved, "h")
        poison = crowds(np.random.default_rng(3), QUEUE, queues, DAY, halved, "q")
        return merge(rows(alone, 0, "a"), groups, poison, key=lambda one: (one.at, one.id))

    return learnt(log, exchanges(alone, "a", 2000))


def test_queues_are_named_and_people_are_not(references: list[Reference]) -> None:
    named = [reference.about["suspicious"] for reference in references]
    assert [len(groups) for groups in named] == [0, 3]
    for group in named[1]:
        assert all(name.startswith("q") for name in group["accounts"])
        assert group["shares"] == "same wording" and len(group["accounts"]) >= group["parties"] >= LEAST_PARTIES
        assert group["persistent"] <= 0.2 * group["parties"]


def test_queues_in_the_reference_weaken_the_evidence_against_the_next(references: list[Reference]) -> None:
    nulls = [reference.groups["wording"].persistence["either", 2] for reference in references]
    clean, poisoned = (null.log_p(Counted(1, 40)) for null in nulls if null is not None)
    assert clean < poisoned - math.log(2)
