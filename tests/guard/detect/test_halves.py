"""What linked accounts is never what is scored: honest people whom chance links are not chosen for their oddness.

Everybody here uses one program, and one request in twelve asks for the model's reasoning. Today some sentences for that
go round. Who happens to use one is linked by it, and in the request that linked him he shows the cue; in his others he
is like all people.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import binom

from recipes.validity.folding import Halved, fold, learnt
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.content import content
from stillhouse.guard.features.cues import Cue
from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.features.words import BUCKETS
from tests.guard.detection import MINUTE, exchange, row

PROGRAM = token(Kind.SYSTEM, 1)
ODD, REQUESTS, SENTENCES = 1 / 12, 6, 5
IDF = np.full(BUCKETS, 6.0, np.float32)
PARTS = 20
"""Groups of thirty that a reference makes of the users of one program."""


def people(n: int, sentences: int | None, halved: Halved) -> Iterator[Row]:
    """One after the other, each about a topic of his own. Without `sentences` everybody asks in his own words."""
    rng = np.random.default_rng(n)
    for number in range(n * REQUESTS):
        person = number // REQUESTS
        odd = rng.random() < ODD
        sentence = token(Kind.ENDING, int(rng.integers(sentences)) if sentences else 1000 + number)
        id = f"p{number}"
        yield row(
            id,
            person * MINUTE + number,
            f"a{person}",
            evidence=halved(id),
            wording=(PROGRAM, sentence) if odd else (PROGRAM,),
            content=content([f"t{person}w{one}" for one in rng.integers(0, 20, 10)], IDF),
            cues=int(Cue.REASONING) if odd else 0,
        )


def in_both_halves(rows: Iterator[Row]) -> Iterator[Row]:
    """What must not be done: each request links, and is scored as well."""
    for one in rows:
        yield one._replace(evidence=True)
        yield one._replace(evidence=False, id=f"{one.id}'")


def oddest(split: Callable[[Iterator[Row]], Iterator[Row]]) -> tuple[int, int]:
    """Groups that a sentence linked, and how many of them ask for reasoning more than every honest group."""
    read = [exchange(f"p{number}", "2026-07-20T00:00:00Z", f"a{number}", "Hello there.") for number in range(100)]
    reference = learnt(lambda halved: split(people(30 * PARTS, None, halved)), read)
    honest = reference.groups["wording"]
    assert honest.groups == PARTS
    detector = fold(reference, lambda halved: split(people(1500, SENTENCES, halved)))
    cases = [case for case in detector.cases.values() if case.looks and case.group.kind == "wording"]
    highest = max(honest.shown[0])
    return len(cases), sum(bool(case.looks[-1].look.shown[0] > highest) for case in cases)


def test_evidence_is_not_scored_on_the_half_that_linked() -> None:
    """A group is above all of n honest ones with probability 1 / (n + 1), or not a thousandth of a chance is left."""
    groups, above = oddest(lambda rows: rows)
    assert groups == SENTENCES and above <= binom.isf(0.001, groups, 1 / (PARTS + 1))
    groups, above = oddest(in_both_halves)
    assert groups == SENTENCES and above > binom.isf(0.001, groups, 1 / (PARTS + 1))
