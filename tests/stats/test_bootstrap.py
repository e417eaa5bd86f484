"""Intervals against numbers worked by hand, and against what they promise: coverage."""

import math

import numpy as np
import pytest

from stillhouse.errors import ConfigError
from stillhouse.stats.bootstrap import Interval, ratio_of_sums, wilson


def test_interval_as_dict_is_the_format() -> None:
    interval = Interval(value=0.5, low=0.25, high=0.75, n=8, method="m")
    assert interval.as_dict() == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8, "method": "m"}


def test_the_value_is_token_weighted() -> None:
    # Two prompts: 6 nats over 2 tokens, 1 nat over 8 tokens. Per token 7/10, not the mean (3 + 1/8)/2 of prompts.
    interval = ratio_of_sums([6.0, 1.0], [2, 8], resamples=4000, seed=0)
    assert interval.value == 0.7
    assert interval.n == 2
    # With 2 prompts a resample is one of: first twice (3.0, chance 1/4), both (0.7, 1/2), second twice (1/8, 1/4).
    assert (interval.low, interval.high) == (0.125, 3.0)
    # At level 0.4 the tails of 0.3 lie inside the middle outcome.
    middle = ratio_of_sums([6.0, 1.0], [2, 8], resamples=4000, seed=0, level=0.4)
    assert (middle.low, middle.high) == (0.7, 0.7)
    assert middle.method == "percentile bootstrap over prompts, 4000 resamples, level 0.4"


def test_equal_prompts_leave_no_doubt() -> None:
    interval = ratio_of_sums([2.0] * 5, [4.0] * 5, resamples=100, seed=1)
    assert (interval.low, interval.value, interval.high) == (0.5, 0.5, 0.5)


def test_the_seed_decides() -> None:
    over, under = np.random.default_rng(0).exponential(size=(2, 40)) + 0.1
    first = ratio_of_sums(over, under, resamples=500, seed=7)
    assert ratio_of_sums(over, under, resamples=500, seed=7) == first
    assert ratio_of_sums(over, under, resamples=500, seed=8) != first


def test_drawing_in_slices_counts_every_resample() -> None:
    # 300,000 prompts allow 3 resamples a slice; 7 resamples need a short last slice.
    over = np.random.default_rng(0).normal(1, 1, 300_000)
    interval = ratio_of_sums(over, np.ones(300_000), resamples=7, seed=0)
    assert abs(interval.high - interval.low) < 0.02 and interval.low < 1 < interval.high + 0.01


def simulated(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """Summed nats and tokens of prompts whose tokens share a level: E[nats] / E[tokens] is 1."""
    tokens = rng.integers(5, 60, prompts).astype(np.float64)
    level = rng.gamma(4.0, 0.25, prompts)
    return tokens * level, tokens


def covered(sets: int, prompts: int) -> float:
    rng = np.random.default_rng(20261123)
    hits = 0
    for number in range(sets):
        interval = ratio_of_sums(*simulated(rng, prompts), resamples=400, seed=number)
        hits += interval.low <= 1.0 <= interval.high
    return hits / sets


def test_coverage_is_what_the_level_says() -> None:
    sets = 600
    share = covered(sets, prompts=120)
    assert abs(share - 0.95) < 3 * math.sqrt(0.95 * 0.05 / sets)


def test_treating_tokens_as_independent_would_not_cover() -> None:
    """Why the prompt is the unit: the same data, resampled token by token, cover far too rarely."""
    rng = np.random.default_rng(1)
    hits = 0
    for number in range(100):
        over, under = simulated(rng, 40)
        nats = np.repeat(over / under, under.astype(int))
        interval = ratio_of_sums(nats, np.ones_like(nats), resamples=200, seed=number)
        hits += interval.low <= 1.0 <= interval.high
    assert hits < 60


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_prompts_say_so(n: int) -> None:
    with pytest.raises(ConfigError, match=f"at least 2 prompts, got {n}; hold out more"):
        ratio_of_sums([1.0] * n, [1.0] * n, resamples=100, seed=0)


@pytest.mark.parametrize(
    ("over", "under", "words"),
    [
        ([1.0, 2.0], [1.0], "lists of one length"),
        ([[1.0], [2.0]], [[1.0], [2.0]], "lists of one length"),
        ([1.0, math.nan], [1.0, 1.0], "must be finite"),
        ([1.0, 1.0], [1.0, 0.0], "must be positive"),
    ],
)
def test_what_is_no_ratio_is_refused(over: list[float], under: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ratio_of_sums(over, under, resamples=100, seed=0)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        ratio_of_sums([1.0, 2.0], [1.0, 1.0], resamples=100, seed=0, level=level)
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        wilson(1, 2, level=level)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_published_values(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert interval.value == successes / n
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_wilson_is_symmetric_and_exact_at_the_ends() -> None:
    few, many = wilson(3, 40), wilson(37, 40)
    assert [few.low, few.high] == pytest.approx([1 - many.high, 1 - many.low])
    assert wilson(0, 7).low == 0.0 and wilson(7, 7).high == 1.0


def test_wilson_refuses_impossible_counts() -> None:
    with pytest.raises(ConfigError, match="at least 1 answer, got 0"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="5 successes of 4"):
        wilson(5, 4)
