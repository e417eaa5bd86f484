"""Wordings counted with few counters."""

import math
import random
from collections import Counter

import pytest

from stillhouse.guard.features.rigidity import Rigidity, wording_of
from stillhouse.guard.features.tokens import Kind, token


def counted(wordings: list[int]) -> Rigidity:
    rigidity = Rigidity()
    for wording in wordings:
        rigidity.add(wording)
    return rigidity


def test_few_wordings_are_counted_exactly() -> None:
    found = counted([1, 1, 1, 2])
    assert found.share() == 0.75
    assert found.wordings() == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_requests_without_a_wording_are_others() -> None:
    found = counted([1, 0, 0, 1])
    assert found.share() == 0.5
    # Half in one, and each of the others by itself: entropy of (1/2, 1/4, 1/4).
    assert found.wordings() == pytest.approx(math.exp(1.5 * math.log(2)))
    assert counted([]).share() == counted([]).wordings() == 0.0


def test_all_different_is_no_template() -> None:
    found = counted(list(range(1, 1001)))
    assert found.share() <= 0.002 and found.wordings() == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_never_too_large_and_templates_are_found(seed: int) -> None:
    rng = random.Random(seed)
    wordings = [7 if rng.random() < 0.4 else rng.randrange(10, 10_000) for _ in range(2000)]
    share = max(Counter(wordings).values()) / 2000
    found = counted(wordings).share()
    assert share - 1 / 4 <= found <= share


def test_a_request_is_named_by_its_opening_words() -> None:
    tokens = [token(Kind.SYSTEM, 9), token(Kind.WORDING, 1), token(Kind.OPENING, 2), token(Kind.ENDING, 3)]
    assert wording_of(tokens) == tokens[2]
    assert wording_of(tokens[:2]) == tokens[1]
    assert wording_of([tokens[0], tokens[3]]) == wording_of([]) == 0
