"""Krippendorff's alpha against the example that he published, and at its ends."""

import numpy as np
import pytest

from stillhouse.errors import ConfigError
from stillhouse.stats import krippendorff_alpha

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section E: 12 units, 4 observers, missing values.
UNITS = [
    [1, 1, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [5, 5, 5],
    [1, 1],
    [3],
]


@pytest.mark.parametrize("prompts", [2, 3, 6])
def test_the_published_value(prompts: int) -> None:
    """0.849 for interval data, however the units are shared out to prompts."""
    groups = [UNITS[start::prompts] for start in range(prompts)]
    assert krippendorff_alpha(groups, resamples=100, seed=0).value == pytest.approx(0.849, abs=5e-4)


def test_by_hand() -> None:
    """Units (0, 1) and (1, 2): observed 1; the 6 pairs of 0, 1, 1, 2 differ by squares 1, 1, 4, 0, 1, 1: expected 4/3.

    A resample with one unit twice has values 0, 1, 0, 1: observed 1, expected 4/6, alpha -1/2.
    """
    interval = krippendorff_alpha([[[0, 1]], [[1, 2]]], resamples=400, seed=0)
    assert (interval.low, interval.value, interval.high) == pytest.approx((-0.5, 0.25, 0.25))


def test_its_ends() -> None:
    rng = np.random.default_rng(0)
    perfect = [[[x, x, x] for x in rng.normal(size=4)] for _ in range(30)]
    assert krippendorff_alpha(perfect, resamples=200, seed=0).low == pytest.approx(1)
    chance = krippendorff_alpha(rng.normal(size=(200, 4, 2)).tolist(), resamples=400, seed=0)
    assert chance.low < 0 < chance.high and chance.high - chance.low < 0.3


def test_a_known_reliability_is_recovered() -> None:
    """Signal of variance 3 and noise of variance 1: alpha 3/4."""
    rng = np.random.default_rng(4)
    scores = rng.normal(0, 3**0.5, size=(300, 4, 1)) + rng.normal(size=(300, 4, 2))
    interval = krippendorff_alpha(scores.tolist(), resamples=400, seed=0)
    assert interval.low < 0.75 < interval.high and interval.high - interval.low < 0.1


def test_unmeasurable_says_so() -> None:
    with pytest.raises(ConfigError, match="at least 2 prompts, got 0"):
        krippendorff_alpha([[[1.0], [2.0]]], resamples=100, seed=0)
    with pytest.raises(ConfigError, match="too few of 5 prompts differ"):
        krippendorff_alpha([[[0.1, 0.1]]] * 5, resamples=100, seed=0)
