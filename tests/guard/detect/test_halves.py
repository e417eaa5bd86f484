"""What linked accounts is never what is scored: honest people whom chance links are not chosen for their oddness.

Each uses one of some programs, all of which use one library, and asks about a topic of his own, but for one request in
forty, which asks for something that many ask for, in other words each time. Today some sentences for that go round. Who
happens to use one is linked by it, and in the request that linked him he is like all others whom it linked; in his
others he is like himself.
"""

import math
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
from scipy.stats import binom

from recipes.validity.folding import Halved, fold, learnt
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.content import content
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.features.words import BUCKETS
from tests.guard.detection import MINUTE, exchange, row

PROGRAMS, PEOPLE, SENTENCES = 30, 1200, 2
ODD, IN_EACH_HALF = 1 / 40, 2
LIBRARY = token(Kind.OPENING, 1)
ALPHA = 0.01
IDF = np.full(BUCKETS, 6.0, np.float32)


def people(n: int, sentences: int | None, halved: Halved) -> Iterator[Row]:
    """In turn. Without `sentences` everybody asks in his own words."""
    rng = np.random.default_rng(n)
    for number in range(2 * IN_EACH_HALF):
        for person in range(n):
            program = token(Kind.SYSTEM, person % PROGRAMS)
            odd = rng.random() < ODD
            sentence = token(Kind.ENDING, int(rng.integers(sentences)) if sentences else 4 * person + number + 1000)
            topic, words = ("what many ask for", 40) if odd else (f"person {person}", 20)
            evidence = number % 2 == 0
            id = next(id for tried in count() if halved(id := f"p{person}.{number}.{tried}") is evidence)
            yield row(
                id,
                (number * n + person) * MINUTE,
                f"a{person}",
                evidence=evidence,
                wording=(LIBRARY, program, sentence) if odd else (LIBRARY, program),
                content=content([f"{topic}: {one}" for one in rng.integers(0, words, 10)], IDF),
            )


def in_both_halves(rows: Iterator[Row]) -> Iterator[Row]:
    """What must not be done: each request links, and is scored as well."""
    for one in rows:
        yield one._replace(evidence=True)
        yield one._replace(evidence=False, id=f"{one.id}'")


def convicted(split: Callable[[Iterator[Row]], Iterator[Row]]) -> int:
    """Of the groups that a sentence linked, those whose e-value reached 1 / ALPHA."""
    read = [exchange(f"p{number}", "2026-07-20T00:00:00Z", f"a{number}", "Hello there.") for number in range(100)]
    reference = learnt(lambda halved: split(people(PEOPLE, None, halved)), read)
    assert reference.groups["wording"].groups >= PROGRAMS
    detector = fold(reference, lambda halved: split(people(2 * PEOPLE, SENTENCES, halved)))
    cases = [case for case in detector.cases.values() if case.looks and case.group.kind == "wording"]
    assert len(cases) == SENTENCES
    return sum(case.log_e >= -math.log(ALPHA) for case in cases)


def test_evidence_is_not_scored_on_the_half_that_linked() -> None:
    """With probability ALPHA at most a group of people is convicted, or not a thousandth of a chance is left."""
    by_chance = binom.isf(0.001, SENTENCES, ALPHA)
    assert convicted(lambda rows: rows) <= by_chance < convicted(in_both_halves)
