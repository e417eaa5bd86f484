"""e-values against numbers worked by hand, and against what they promise: expectation at most one under the null."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from stillhouse.stats.evalue import log_e_between, log_e_of_log_p, log_e_of_rank, log_mean_e, log_sum_e, log_weighted


def test_the_value_by_hand() -> None:
    # 0.1 * (1e-6)^(0.1 - 1) = 0.1 * 10^5.4 = 25,118.864
    assert math.exp(log_e_of_log_p(math.log(1e-6))) == pytest.approx(25_118.864, rel=1e-6)
    # p = 1 is worth k itself, and p = 1/1024: 0.1 * 2^9 = 51.2.
    assert math.exp(log_e_of_log_p(0.0)) == pytest.approx(0.1)
    assert math.exp(log_e_of_log_p(-10 * math.log(2))) == pytest.approx(51.2)
    # Far beyond what a float of p holds.
    assert log_e_of_log_p(-10_000.0) == pytest.approx(math.log(0.1) + 9_000)


def test_the_expectation_under_a_uniform_p_is_one() -> None:
    """E[e(U)] over ln U = -x, whose density is exp(-x)."""
    mean, error = quad(lambda x: math.exp(log_e_of_log_p(-x) - x), 0, 400, epsabs=1e-12)
    assert error < 1e-9 and mean == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("n", [1, 9, 99, 9_999])
def test_the_expectation_under_a_rank_is_less_than_one(n: int) -> None:
    """A conformal p-value is uniform on 1/(n+1), ..., 1, which a uniform one lies below."""
    es = [math.exp(log_e_of_log_p(math.log(rank / (n + 1)))) for rank in range(1, n + 2)]
    assert sum(es) / (n + 1) < 1


def test_a_smaller_p_is_worth_more() -> None:
    es = [log_e_of_log_p(log_p) for log_p in np.linspace(-50.0, 0.0, 501)]
    assert all(first > second for first, second in itertools.pairwise(es))


@pytest.mark.parametrize("log_p", [-math.inf, 1e-12, 1.0, math.inf, math.nan])
def test_a_p_of_zero_or_above_one_is_refused(log_p: float) -> None:
    with pytest.raises(ValueError, match="a p-value lies above 0 and not above 1"):
        log_e_of_log_p(log_p)


def test_ranks_by_hand() -> None:
    # 1,000 * 6 / pi^2 = 607.927 for the first of 999 and the new one, a quarter of it for the second.
    assert math.exp(log_e_of_rank(1, 999)) == pytest.approx(607.927, abs=1e-3)
    assert math.exp(log_e_of_rank(2, 999)) == pytest.approx(151.982, abs=1e-3)
    for rank in (0, 1001):
        with pytest.raises(ValueError, match="between 1 and 1000"):
            log_e_of_rank(rank, 999)


@pytest.mark.parametrize("n", [0, 1, 9, 9_999])
def test_the_expectation_over_ranks_is_below_one(n: int) -> None:
    assert 0.6 < sum(math.exp(log_e_of_rank(rank, n)) for rank in range(1, n + 2)) / (n + 1) < 1


def test_between_two_levels_by_hand() -> None:
    # (1 / 0.01 - 1) / ln 1000 = 99 / 6.907755; below the least it is worth 999 / 6.907755.
    assert math.exp(log_e_between(math.log(0.01), -math.log(1000))) == pytest.approx(14.33172, abs=1e-5)
    assert math.exp(log_e_between(-100.0, -math.log(1000))) == pytest.approx(144.62006, abs=1e-5)
    assert log_e_between(0.0, -3.0) == -math.inf
    for log_p, log_least in ((0.1, -3.0), (-1.0, 0.0), (math.nan, -3.0), (-1.0, -math.inf)):
        with pytest.raises(ValueError, match="neither is above 0"):
            log_e_between(log_p, log_least)


@pytest.mark.parametrize("least", [-0.5, -8.0, -20.0])
def test_the_expectation_between_levels_is_one(least: float) -> None:
    """E over ln U = -x; what is below the least is worth its e-value times its probability."""
    mean, error = quad(lambda x: math.exp(log_e_between(-x, least) - x), 0, -least, epsabs=1e-12)
    assert error < 1e-8
    assert mean + math.exp(log_e_between(least, least) + least) == pytest.approx(1.0, abs=1e-7)


def test_the_mean_is_the_mean_of_floats() -> None:
    rng = np.random.default_rng(0)
    for n in range(1, 9):
        es, weights = rng.exponential(5, n), rng.dirichlet(np.ones(n)) * rng.uniform(0.2, 1)
        expected = math.log(float((es * weights).sum()))
        assert log_mean_e(list(np.log(es)), list(weights)) == pytest.approx(expected, abs=1e-12)


def test_the_mean_holds_what_no_float_does() -> None:
    # Half of e^5000 and half of nothing.
    assert log_mean_e([5000.0, -math.inf], [0.5, 0.5]) == pytest.approx(5000 - math.log(2))
    assert log_mean_e([-math.inf, 3.0], [0.5, 0.0]) == -math.inf


@pytest.mark.parametrize(
    ("log_es", "weights"), [([0.0, 0.0], [0.6, 0.5]), ([0.0], [1.001]), ([0.0, 0.0], [1.0]), ([], []), ([0.0], [-0.1])]
)
def test_weights_that_make_no_e_value_are_refused(log_es: list[float], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="together at most 1"):
        log_mean_e(log_es, weights)


def test_an_average_of_dependent_e_values_is_one() -> None:
    """Three p-values of one U: itself, 1 - U, and U folded in the middle. Each is uniform, and U decides all.

    Strata of U (one draw in each of 4 million) keep the error small; the error of the mean is taken over 40 blocks.
    """
    draws = 4_000_000
    rng = np.random.default_rng(1)
    u = (np.arange(draws) + rng.uniform(1e-9, 1, draws)) / draws
    e = 0.06 * u**-0.9 + 0.02 * (1 - u) ** -0.9 + 0.02 * np.abs(2 * u - 1) ** -0.9
    for at in (0, 77_777, 2_000_000, draws - 1):
        log_ps = [math.log(u[at]), math.log(1 - u[at]), math.log(abs(2 * u[at] - 1))]
        ours = log_mean_e([log_e_of_log_p(log_p) for log_p in log_ps], [0.6, 0.2, 0.2])
        assert ours == pytest.approx(math.log(e[at]))
    blocks = rng.permutation(e).reshape(40, -1).mean(axis=1)
    error = float(blocks.std(ddof=1)) / math.sqrt(len(blocks))
    assert error < 0.06 and float(e.mean()) <= 1 + 3 * error


def test_what_each_adds_is_what_the_mean_is_made_of() -> None:
    # A quarter of 8 adds 2, three quarters of 4 add 3.
    adds = [log_weighted(math.log(8), 0.25), log_weighted(math.log(4), 0.75)]
    assert [math.exp(one) for one in adds] == pytest.approx([2.0, 3.0])
    assert log_sum_e(adds) == log_mean_e([math.log(8), math.log(4)], [0.25, 0.75]) == pytest.approx(math.log(5.0))
