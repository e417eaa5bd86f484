"""The model of honest groups: its probabilities against integrals and its promises against simulated groups."""

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, chi2, norm
from scipy.stats import t as student

from stillhouse.guard.evidence.persistence import LEAST_GROUPS, SPREAD, Counted, PersistenceNull

SIZES = (16, 40, 120)


def groups_of(
    rng: np.random.Generator, mean: float, spread: float, n: int, sizes: tuple[int, ...] = SIZES
) -> list[Counted]:
    accounts = rng.choice(sizes, n)
    counts = rng.binomial(accounts, expit(mean + spread * rng.standard_normal(n)))
    return [Counted(int(count), int(size)) for count, size in zip(counts, accounts, strict=True)]


@pytest.mark.parametrize(("groups", "density"), [(30, norm()), (20, student(19)), (10, student(9))])
@pytest.mark.parametrize("spread", [0.75, 1.5])
@pytest.mark.parametrize(("k", "n"), [(0, 16), (1, 40), (5, 40), (40, 40), (3, 400), (12, 16)])
def test_the_probability_is_the_integral(k: int, n: int, spread: float, groups: int, density: Any) -> None:
    """P(Binomial(n, share) <= k) over the predictive normal, or Student's t of few groups, by adaptive quadrature."""
    null = PersistenceNull(mean=0.4, spread=spread, groups=groups)
    width = spread * math.sqrt(1 + 1 / groups)

    def integrand(z: float) -> float:
        return float(binom.cdf(k, n, expit(0.4 + width * z)) * density.pdf(z))

    parts = [quad(integrand, low, low + 2.0, epsabs=1e-13, epsrel=1e-9, limit=200)[0] for low in range(-60, 60, 2)]
    assert null.log_p(Counted(k, n)) == pytest.approx(math.log(sum(parts)), abs=1e-5)


def test_the_probability_by_hand() -> None:
    """At a mean of 0, of one account: none is persistent with probability one half, by symmetry."""
    null = PersistenceNull(mean=0.0, spread=SPREAD, groups=10)
    assert null.log_p(Counted(0, 1)) == pytest.approx(math.log(0.5), abs=1e-9)
    assert null.log_p(Counted(1, 1)) == pytest.approx(0.0, abs=1e-9)
    # Of two, P(none) + P(two) = 1 - P(one) and P(none) = P(two), so P(at most one) = 1 - P(none).
    none, one = (math.exp(null.log_p(Counted(k, 2))) for k in (0, 1))
    assert one == pytest.approx(1 - none, abs=1e-9)


def test_fewer_are_less_probable() -> None:
    null = PersistenceNull(mean=1.0, spread=1.0, groups=12)
    log_ps = [null.log_p(Counted(k, 60)) for k in range(61)]
    assert all(first < second for first, second in pairwise(log_ps))
    assert log_ps[-1] == pytest.approx(0.0, abs=1e-9)
    assert null.log_p(Counted(0, 600)) < null.log_p(Counted(0, 60)) < null.log_p(Counted(0, 6))
    # Whatever it is asked, the answer is the logarithm of a probability above zero.
    for extreme in (PersistenceNull(6.0, 0.75, 30), PersistenceNull(-6.0, 3.0, 10)):
        assert all(-math.inf < extreme.log_p(Counted(k, 500)) <= 0 for k in (0, 1, 250, 499, 500))


def test_a_fit_needs_ten_groups() -> None:
    groups = groups_of(np.random.default_rng(0), 0.0, 1.0, LEAST_GROUPS)
    assert LEAST_GROUPS == 10
    assert PersistenceNull.fit(groups[:-1]) is None and PersistenceNull.fit([]) is None
    fitted = PersistenceNull.fit(groups)
    assert fitted is not None and fitted.groups == 10


@pytest.mark.parametrize(
    ("mean", "spread", "sizes"), [(-1.0, 0.5, SIZES), (0.5, 1.0, (300, 500)), (1.5, 1.5, SIZES), (0.5, 2.0, (150,))]
)
def test_a_fit_recovers_the_model(mean: float, spread: float, sizes: tuple[int, ...]) -> None:
    """Mean and spread within three standard errors; the spread before its upper bound is taken."""
    n = 300
    fitted = PersistenceNull.fit(groups_of(np.random.default_rng(1), mean, spread, n, sizes))
    assert fitted is not None
    # A group tells its logit to about 1 / sqrt(accounts * share * (1 - share)).
    noise = 1 / math.sqrt(min(sizes) * expit(mean) * (1 - expit(mean)))
    total = math.sqrt(spread**2 + noise**2)
    assert abs(fitted.mean - mean) < 3 * total / math.sqrt(n)
    bound = math.sqrt((n - 1) / chi2.ppf(0.025, n - 1))
    assert 1.08 < bound < 1.10
    if spread < SPREAD:
        assert fitted.spread == SPREAD
    else:
        assert abs(fitted.spread / bound - spread) < 3 * total**2 / spread / math.sqrt(2 * n)


@pytest.mark.parametrize("counts", [[0] * 12, [40] * 12, [20] * 12])
def test_groups_that_are_all_alike_have_the_least_spread(counts: list[int]) -> None:
    fitted = PersistenceNull.fit([Counted(count, 40) for count in counts])
    assert fitted is not None and fitted.spread >= SPREAD and math.isfinite(fitted.mean)
    assert fitted.log_p(Counted(counts[0], 40)) > math.log(0.2)


def test_parts_of_one_crowd_weigh_as_one_group() -> None:
    """However often each crowd is cut, the fit is that of its parts' average, and groups are counted once."""
    crowds = groups_of(np.random.default_rng(5), 0.5, 1.0, 17)
    once = PersistenceNull.fit(crowds)
    cut = PersistenceNull.fit([one for one in crowds for _ in range(30)], [1 / 30] * (17 * 30))
    assert once is not None and cut is not None and cut.groups == once.groups == 17
    assert cut.mean == pytest.approx(once.mean, abs=0.01) and cut.spread == pytest.approx(once.spread, abs=0.01)
    # As so many groups of their own they would be thought to be known far better.
    wrong = PersistenceNull.fit([one for one in crowds for _ in range(30)])
    assert wrong is not None and wrong.spread < 0.8 * once.spread
    assert PersistenceNull.fit(crowds[:9] * 30, [1 / 30] * 270) is None


@pytest.mark.parametrize(
    ("groups", "mean", "spread", "size"), [(12, 0.5, 1.0, 30), (30, 2.5, 1.0, 20), (66, 0.5, 1.5, 30)]
)
def test_the_bound_of_the_spread_is_seldom_below_it(groups: int, mean: float, spread: float, size: int) -> None:
    """97.5 % by the profile likelihood, somewhat less of few groups; also where most counts are full."""
    rng = np.random.default_rng(6)
    fitted = [PersistenceNull.fit(groups_of(rng, mean, spread, groups, (size,))) for _ in range(40)]
    missed = sum(one is not None and one.spread < spread for one in fitted)
    assert missed <= binom.isf(0.001, 40, 0.05)


@pytest.mark.parametrize("all_or_none", [0, 40])
def test_where_all_or_none_are_persistent_the_fit_stays_finite(all_or_none: int) -> None:
    fitted = PersistenceNull.fit([Counted(all_or_none, 40)] * 30)
    assert fitted is not None and abs(fitted.mean) < 10 and fitted.spread < 5
    # What is half of each is strange where all are, and cannot be called few where none is.
    assert (fitted.log_p(Counted(0, 40)) < math.log(0.05)) is bool(all_or_none)


def below(null: PersistenceNull, groups: list[Counted], level: float) -> NDArray[np.float64]:
    known: dict[Counted, float] = {}
    for one in groups:
        if one not in known:
            known[one] = null.log_p(one)
    return np.array([known[one] <= math.log(level) for one in groups], np.float64)


@pytest.mark.parametrize(("mean", "spread"), [(-1.0, 0.75), (0.5, 1.0), (1.5, 2.0)])
def test_it_is_super_uniform_where_the_model_holds(mean: float, spread: float) -> None:
    groups = groups_of(np.random.default_rng(3), mean, spread, 20_000)
    null = PersistenceNull(mean, spread, groups=1_000)
    for level in (0.05, 0.01, 0.001):
        rate = float(below(null, groups, level).mean())
        assert rate <= level + 3 * math.sqrt(level * (1 - level) / len(groups))
    # And not by saying nothing.
    assert float(below(null, groups, 0.05).mean()) > 0.01


@pytest.mark.parametrize(("honest", "mean", "spread"), [(10, 0.5, 1.2), (10, -0.5, 0.4), (30, 1.0, 1.5)])
def test_it_is_super_uniform_with_what_it_learnt(honest: int, mean: float, spread: float) -> None:
    """New groups of 40 against a fit of few: the bound on the spread covers for the fit. How often a fit is wrong is an
    integral over the true model, and its mean over fits has the error of 100 fits."""
    rng = np.random.default_rng(honest)
    z = np.linspace(-8, 8, 2001)
    weights = norm.pdf(z) / norm.pdf(z).sum()
    rates: dict[float, list[float]] = {0.05: [], 0.01: []}
    for _ in range(100):
        null = PersistenceNull.fit(groups_of(rng, mean, spread, honest))
        assert null is not None
        for level, found in rates.items():
            k = bisect_right(range(41), math.log(level), key=lambda k: null.log_p(Counted(k, 40))) - 1
            found.append(float((binom.cdf(k, 40, expit(mean + spread * z)) * weights).sum()))
    for level, found in rates.items():
        assert np.mean(found) <= level + 3 * float(np.std(found, ddof=1)) / math.sqrt(len(found))
    assert np.mean(rates[0.05]) > 0.0002


def test_a_queue_is_improbable_among_people() -> None:
    """Two in a hundred of 200 accounts, where half of people's groups are: and the more so, the more accounts."""
    null = PersistenceNull.fit(groups_of(np.random.default_rng(4), 0.5, 0.8, 40))
    assert null is not None
    log_ps = [null.log_p(Counted(k, n)) for k, n in ((10, 500), (4, 200), (1, 50), (0, 16))]
    assert log_ps == sorted(log_ps) and log_ps[1] < -10 and log_ps[3] < -5
