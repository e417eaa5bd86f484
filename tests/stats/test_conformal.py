"""Ranks by hand, and super-uniform: every order of exchangeable scores counted, ties in them too."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.stats.conformal import conformal_log_p


def rank(score: float, reference: Sequence[float]) -> Fraction:
    """The p-value, from its logarithm, as the fraction that it is."""
    p = math.exp(conformal_log_p(score, np.sort(np.array(reference, np.float64))))
    n = len(reference) + 1
    assert p * n == pytest.approx(round(p * n), abs=1e-9)
    return Fraction(round(p * n), n)


def test_ranks_by_hand() -> None:
    reference = [1.0, 2.0, 2.0, 5.0]
    assert rank(9.0, reference) == Fraction(1, 5)
    assert rank(5.0, reference) == Fraction(2, 5)  # a tie counts against it
    assert rank(2.0, reference) == Fraction(4, 5)
    assert rank(1.5, reference) == Fraction(4, 5)
    assert rank(0.0, reference) == 1
    assert rank(0.0, []) == 1


@pytest.mark.parametrize(
    "values", [(1, 2, 3, 4, 5, 6), (1, 1, 1, 1, 1, 1), (1, 1, 2, 2, 3, 3), (0, 0, 0, 0, 1, 7), (2, 3, 3, 3, 3, 9)]
)
def test_it_is_super_uniform_under_exchangeability(values: tuple[float, ...]) -> None:
    """Over all 720 orders, of which each is as likely as every other."""
    ps = [rank(order[0], order[1:]) for order in itertools.permutations(values)]
    for u in {*ps, Fraction(1, 20), Fraction(1, 2)}:
        assert Fraction(sum(p <= u for p in ps), len(ps)) <= u
    if len(set(values)) == len(values):
        assert Fraction(sum(p <= Fraction(1, 2) for p in ps), len(ps)) == Fraction(1, 2)


@given(st.floats(allow_nan=False), st.lists(st.floats(allow_nan=False), max_size=40))
def test_it_is_never_below_one_over_one_more(score: float, reference: list[float]) -> None:
    log_p = conformal_log_p(score, np.sort(np.array(reference, np.float64)))
    assert -math.log(len(reference) + 1) - 1e-12 <= log_p <= 0.0
