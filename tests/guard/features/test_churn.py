"""Distinct things in a word of 64 bits."""

import math
import random

import pytest

from stillhouse.guard.features.churn import Churn, distinct, noted
from stillhouse.guard.features.tokens import Kind, token


def test_counts_by_hand() -> None:
    assert distinct(0) == 0.0
    # Two of 64 bits: -64 ln(62 / 64).
    seen = noted(noted(noted(0, 5), 5), 6)
    assert distinct(seen) == pytest.approx(-64 * math.log(62 / 64))
    assert distinct((1 << 64) - 1) == pytest.approx(64 * math.log(64))


@pytest.mark.parametrize("n", [1, 10, 50, 100])
def test_it_is_near_the_truth(n: int) -> None:
    rng = random.Random(n)
    found = []
    for _ in range(50):
        seen = 0
        for one in [rng.getrandbits(64) for _ in range(n)] * 2:
            seen = noted(seen, one)
        found.append(distinct(seen))
    assert sum(found) / 50 == pytest.approx(n, rel=0.15, abs=0.2)
    assert max(abs(one - n) for one in found) <= 0.6 * n + 1


def test_what_a_log_lacks_is_not_counted() -> None:
    churn = Churn()
    churn.add((token(Kind.PAYMENT, 4),), 3)
    churn.add((token(Kind.PAYMENT, 4), token(Kind.ADDRESS, 9)), 3)
    assert churn.networks == 0 and distinct(churn.addresses) == distinct(churn.clients) > 0
    churn.add((token(Kind.ADDRESS, 10), token(Kind.NETWORK, 9)), 4)
    assert distinct(churn.addresses) == distinct(churn.clients) > distinct(churn.networks) > 0
