"""The bootstrap of sums: the ratio of sums that is known from elsewhere, and what cannot be resampled."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stillhouse.errors import ConfigError
from stillhouse.stats import of_sums, ratio_of_sums


def ratio(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(totals[..., 0] / totals[..., 1])


def test_a_ratio_is_the_ratio_of_sums() -> None:
    over, under = np.random.default_rng(3).exponential(size=(2, 60)) + 0.1
    ours = of_sums(np.stack([over, under], axis=1), ratio, resamples=800, seed=5)
    theirs = ratio_of_sums(over, under, resamples=800, seed=5)
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))
    assert (ours.n, ours.method) == (theirs.n, theirs.method)


def test_drawing_in_slices_counts_every_resample() -> None:
    # 300,000 prompts with 2 sums allow 1 resample a slice.
    sums = np.stack([np.random.default_rng(0).normal(1, 1, 300_000), np.ones(300_000)], axis=1)
    interval = of_sums(sums, ratio, resamples=5, seed=0)
    assert 0 < interval.high - interval.low < 0.02


def test_what_cannot_be_resampled_says_so() -> None:
    with pytest.raises(ConfigError, match="at least 2 prompts, got 1; judge more"):
        of_sums(np.ones((1, 2)), ratio, resamples=100, seed=0)
    with pytest.raises(ConfigError, match="too few of 3 prompts differ"):
        of_sums(np.zeros((3, 2)), ratio, resamples=100, seed=0)
    # One prompt of three has a denominator: (2/3)^3 = 30 % of the resamples have none.
    with pytest.raises(ConfigError, match="too few of 3 prompts differ"):
        of_sums(np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), ratio, resamples=400, seed=0)
    with pytest.raises(ValueError, match="level is 0"):
        of_sums(np.ones((3, 2)), ratio, resamples=100, seed=0, level=0)
