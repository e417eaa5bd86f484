"""The bound by hand where the model is known, its coverage, and that a p-value made of it is one."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, expon, genpareto, gumbel_r, lognorm, norm, weibull_min

from stillhouse.stats.tail import CONFIDENCE, LEAST_EXCESSES, Tail

HONEST = {
    "exponential": expon(),
    "pareto": genpareto(0.3),
    "heavy pareto": genpareto(1.0),
    "normal": norm(),
    "lognormal": lognorm(1.0),
    "stretched": weibull_min(0.5),
    "gumbel": gumbel_r(),
}


def fitted(sample: NDArray[np.float64]) -> Tail:
    found = Tail.fit(np.sort(sample))
    assert found is not None
    return found


def test_an_exponential_tail_by_hand() -> None:
    """Excesses that are exact quantiles of the exponential: no ratio above zero fits better, and the bound of the scale
    solves -k ln s - total / s = its maximum - chi2 / 2."""
    n, k = 2000, 200
    excesses = -np.log((np.arange(k) + 0.5) / k)
    tail = fitted(np.concatenate([np.linspace(-2, -1, n - k), excesses]))
    assert tail.threshold == -1.0
    total = float(excesses.sum()) + k
    room = chi2.ppf(2 * CONFIDENCE - 1, 1) / 2
    best = -k * math.log(total / k) - k
    scale = brentq(lambda s: -k * math.log(s) - total / s - best + room, total / k, 10 * total / k)
    assert tail.scales[0] == pytest.approx(scale) and tail.ratios[0] == 0.0
    # With that scale alone ln p = ln(201 / 2001) - 6 / scale; other shapes that are not refuted allow more.
    assert tail.log_p(5.0) >= math.log(201 / 2001) - 6 / scale - 1e-9


def test_every_kept_shape_and_scale_is_on_the_edge_of_what_is_not_refuted() -> None:
    rng = np.random.default_rng(4)
    sample = np.sort(genpareto(0.4).rvs(size=3000, random_state=rng))
    tail = fitted(sample)
    excesses = sample[sample > tail.threshold] - tail.threshold

    def log_likelihood(ratio: float, scale: float) -> float:
        if ratio == 0:
            return float(expon(scale=scale).logpdf(excesses).sum())
        return float(genpareto(ratio * scale, scale=scale).logpdf(excesses).sum())

    values = np.array([log_likelihood(*pair) for pair in zip(tail.ratios, tail.scales, strict=True)])
    best = float(genpareto(*genpareto.fit(excesses, floc=0)).logpdf(excesses).sum())
    assert values == pytest.approx(best - chi2.ppf(2 * CONFIDENCE - 1, 1) / 2, abs=0.02)


def test_it_falls_with_the_distance_and_ends_at_the_floor() -> None:
    tail = fitted(np.random.default_rng(0).exponential(size=1000))
    log_ps = [tail.log_p(tail.threshold + distance) for distance in (0, 1, 5, 20, 1e6)]
    assert log_ps[0] == pytest.approx(math.log(101 / 1001)) and log_ps == sorted(log_ps, reverse=True)
    assert log_ps[-1] == pytest.approx(-2 * math.log(1000))


def test_what_is_below_the_threshold_or_no_number_is_refused() -> None:
    tail = fitted(np.random.default_rng(0).exponential(size=1000))
    for value in (tail.threshold - 1e-9, math.nan):
        with pytest.raises(ValueError, match="rank it"):
            tail.log_p(value)


def test_too_few_or_tied_samples_have_no_tail() -> None:
    rng = np.random.default_rng(0)
    assert Tail.fit(np.sort(rng.random(10 * LEAST_EXCESSES - 1))) is None
    assert Tail.fit(np.zeros(5000)) is None
    assert Tail.fit(np.concatenate([np.zeros(4960), np.ones(40)])) is None


def value_at(tail: Tail, alpha: float) -> float:
    """The value from which on the bound is at most alpha."""
    high = 2.0
    while tail.log_p(tail.threshold + high) > math.log(alpha):
        high *= 2
    return tail.threshold + float(brentq(lambda excess: tail.log_p(tail.threshold + excess) - math.log(alpha), 0, high))


@pytest.mark.parametrize("name", HONEST)
def test_a_p_value_made_of_it_is_one(name: str) -> None:
    """Over 150 samples of 1,000: the true probability of what the bound calls at most alpha is alpha at most, in the
    mean, and the bound covers the truth, a tenth and a hundredth of what a rank can say."""
    law, n, runs = HONEST[name], 1000, 150
    rng = np.random.default_rng(11)
    tails = [fitted(law.rvs(size=n, random_state=rng)) for _ in range(runs)]
    for alpha in (1e-4, 1e-5):
        assert np.mean([law.sf(value_at(tail, alpha)) for tail in tails]) <= alpha
        covered = np.mean([tail.log_p(float(law.isf(alpha))) >= math.log(alpha) for tail in tails])
        assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_a_rare_kind_that_the_sample_does_not_hold_is_not_seen() -> None:
    """What no model can: one in 5,000 is of another kind, far out. Half of the samples of 3,000 hold none of it, and
    call it impossible."""
    rng = np.random.default_rng(2)
    tail = fitted(rng.exponential(size=3000))
    assert tail.log_p(60.0) < math.log(1 / 5000)
