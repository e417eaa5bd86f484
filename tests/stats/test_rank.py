"""Rank correlations within groups: by hand, against scipy for one group, and coverage."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from stillhouse.errors import ConfigError
from stillhouse.stats import spearman_within


def test_by_hand() -> None:
    """x (1, 2, 3) with y (1, 3, 2): ab = 1 + 0 + 0 = 1, aa = bb = 2. x (5, 9) with y (0, 7): ab = aa = bb = 1/2.

    Spearman (1 + 1/2) / (2 + 1/2) = 3/5.
    """
    x, y = [[1.0, 2.0, 3.0], [5.0, 9.0]], [[1.0, 3.0, 2.0], [0.0, 7.0]]
    assert spearman_within(x, y, resamples=100, seed=0).value == pytest.approx(0.6)


def test_one_group_twice_is_scipys_coefficient() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, 30).astype(float).tolist(), rng.integers(0, 4, 30).astype(float).tolist()
    ours = spearman_within([x, x], [y, y], resamples=100, seed=0)
    assert ours.value == pytest.approx(spearmanr(x, y).statistic)
    assert ours.low == pytest.approx(ours.high)  # both prompts are the same


def test_what_differs_between_prompts_does_not_count() -> None:
    """Both numbers grow with the prompt and are opposed within it: -1, where all answers at once would say nearly 1."""
    x = [[10.0 * g + i for i in range(3)] for g in range(8)]
    y = [[10.0 * g - i for i in range(3)] for g in range(8)]
    assert spearmanr(np.ravel(x), np.ravel(y)).statistic > 0.9
    interval = spearman_within(x, y, resamples=200, seed=0)
    assert (interval.low, interval.value, interval.high) == pytest.approx((-1, -1, -1))


def test_single_answers_are_left_out() -> None:
    interval = spearman_within([[1.0], [1.0, 2.0], [2.0, 1.0]], [[9.0], [1.0, 2.0], [2.0, 1.0]], resamples=100, seed=0)
    assert (interval.value, interval.n) == (1, 2)


def test_unmeasurable_says_so() -> None:
    with pytest.raises(ConfigError, match="at least 2 prompts, got 0"):
        spearman_within([[1.0]], [[1.0]], resamples=100, seed=0)
    with pytest.raises(ConfigError, match="too few of 2 prompts differ"):
        spearman_within([[1.0, 1.0]] * 2, [[1.0, 2.0]] * 2, resamples=100, seed=0)
    with pytest.raises(ValueError, match="2 and 1 values"):
        spearman_within([[1.0, 2.0]], [[1.0]], resamples=100, seed=0)


def test_coverage_of_no_correlation() -> None:
    rng, sets, hits = np.random.default_rng(2), 200, 0
    for number in range(sets):
        x, y = rng.normal(size=(2, 40, 4)) + rng.normal(size=(2, 40, 1))
        interval = spearman_within(x.tolist(), y.tolist(), resamples=300, seed=number)
        hits += interval.low <= 0 <= interval.high
    assert abs(hits / sets - 0.95) < 3 * math.sqrt(0.95 * 0.05 / sets) + 0.01
