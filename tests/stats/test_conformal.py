"""Ranks by hand, and super-uniform: every order of exchangeable scores counted, ties in them too."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stillhouse.stats.conformal import conformal_log_p, least_log_p, least_p

Scales = list[NDArray[np.float64]]


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


def test_the_least_is_that_of_the_first() -> None:
    assert (least_p(0), least_p(4), least_p(999)) == (1.0, 0.2, 0.001)
    for n in (0, 1, 4, 999, 150_000):
        assert conformal_log_p(2.0, np.ones(n)) == least_log_p(n) == pytest.approx(math.log(least_p(n)), abs=1e-12)


def test_a_member_counts_itself_once() -> None:
    reference = np.array([1.0, 2.0, 2.0, 5.0])
    ps = [math.exp(conformal_log_p(score, reference, member=True)) * 5 for score in (5.0, 2.0, 1.0)]
    assert ps == pytest.approx([1, 3, 4])


@pytest.mark.parametrize("values", [(1, 2, 3, 4, 5, 6), (1, 1, 2, 2, 3, 3), (0, 0, 0, 0, 1, 7)])
def test_ranks_of_ranks_are_super_uniform(values: tuple[float, ...]) -> None:
    """Two numbers an account, in all 720 pairings of orders with a fixed one: the surprise is the sum of two of ranks
    among the reference, of its accounts as members, and its rank among theirs is a p-value."""
    ps = []
    for order in itertools.permutations(range(6)):
        accounts = [(float(values[order[at]]), float(at)) for at in range(6)]
        for new in range(6):
            reference = [one for at, one in enumerate(accounts) if at != new]
            scales = [np.sort(np.array([one[part] for one in reference])) for part in (0, 1)]

            def surprise(one: tuple[float, float], scales: Scales = scales, member: bool = False) -> float:
                return -sum(conformal_log_p(one[part], scales[part], member=member) for part in (0, 1))

            among = np.sort([surprise(one, member=True) for one in reference])
            ps.append(math.exp(conformal_log_p(surprise(accounts[new]) - 1e-12, among)))
    for level in (1, 2, 3, 4, 5):
        assert sum(p <= level / 6 + 1e-9 for p in ps) <= level / 6 * len(ps) + 1e-9


def test_what_is_no_number_has_no_rank() -> None:
    with pytest.raises(ValueError, match="nan, which has no rank"):
        conformal_log_p(math.nan, np.array([1.0]))
