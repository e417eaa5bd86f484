"""Shares over prompts: Wilson's numbers where there are no ties, numbers by hand where there are, and coverage."""

import math

import numpy as np
import pytest

from stillhouse.errors import ConfigError
from stillhouse.stats import mean_share, wilson, win_rate


@pytest.mark.parametrize(("wins", "n"), [(0, 5), (2, 2), (15, 148), (81, 263)])
def test_without_ties_it_is_wilsons_interval(wins: int, n: int) -> None:
    ours, his = mean_share([1.0] * wins + [0.0] * (n - wins)), wilson(wins, n)
    assert (ours.value, ours.n) == (his.value, n)
    assert (ours.low, ours.high) == pytest.approx((his.low, his.high), abs=1e-12)


def test_two_wins_of_two_show_nothing() -> None:
    """A bootstrap would say 1 to 1. Wilson: n / (n + z^2) = 2 / 5.8415."""
    interval = win_rate([1, 1], [0, 0], [0, 0])
    assert interval.value == 1 and interval.high == 1
    assert interval.low == pytest.approx(0.3424, abs=1e-4)


def test_ties_by_hand() -> None:
    """6 wins, 8 ties, 2 losses: mean 5/8, c = (8/16)/4 x 15/16 = 15/128. At z = 2, k = 4/16 = 1/4:

    centre (5/8 + 1/8) / (5/4) = 3/5; under the root k (15/64 - c) + k^2 (1 - 4c)/4 = 60/2048 + 17/2048, over 5/4.
    Without the ties' smaller variance half the interval would be 0.2179.
    """
    level = math.erf(2 / math.sqrt(2))  # z = 2
    interval = win_rate([1] * 6 + [0] * 10, [0] * 6 + [1] * 8 + [0] * 2, [0] * 14 + [1] * 2, level=level)
    half = math.sqrt(77 / 2048) / 1.25  # 0.1551
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.625, 0.6 - half, 0.6 + half), abs=1e-12)
    assert interval.n == 16


def test_every_prompt_weighs_the_same() -> None:
    """3 of 4 comparisons won, then 0 of 1: (3/4 + 0) / 2, not 3/5."""
    assert win_rate([3, 0], [0, 0], [1, 1]).value == 0.375


def test_only_ties_are_near_one_half_and_not_certain() -> None:
    few, many = (win_rate([0] * n, [1] * n, [0] * n) for n in (9, 900))
    assert few.value == 0.5 and few.low + few.high == pytest.approx(1)
    assert 0.05 < few.high - 0.5 < 0.2 and 0 < many.high - 0.5 < 0.002


def test_one_prompt_says_next_to_nothing() -> None:
    """Whatever the share within it. At z = 2, k = 4: (3/4 + 2 -+ sqrt(4 x 3/16 + 16/4)) / 5."""
    interval = mean_share([0.75], level=math.erf(2 / math.sqrt(2)))
    half = math.sqrt(4.75) / 5
    assert (interval.low, interval.high) == pytest.approx((0.55 - half, 0.55 + half), abs=1e-12)


@pytest.mark.parametrize(("prompts", "won", "tied"), [(40, 0.5, 0.3), (80, 0.75, 0.1), (120, 0.9, 0.05)])
def test_coverage_of_win_rates(prompts: int, won: float, tied: float) -> None:
    rng, sets, hits = np.random.default_rng(20261124), 1000, 0
    for _ in range(sets):
        counts = rng.multinomial(1, [won, tied, 1 - won - tied], size=prompts).T
        interval = win_rate(*counts.tolist())
        hits += interval.low <= won + tied / 2 <= interval.high
    # 3 standard errors of the simulation, and 1 % for the discreteness of the counts.
    assert abs(hits / sets - 0.95) < 3 * math.sqrt(0.95 * 0.05 / sets) + 0.01


def test_coverage_of_shares_of_several_comparisons() -> None:
    """Comparisons of one prompt resemble each other: its own rate is drawn from Beta(2, 1), then 6 are compared."""
    rng, sets, hits = np.random.default_rng(7), 1000, 0
    for _ in range(sets):
        interval = mean_share((rng.binomial(6, rng.beta(2, 1, size=50)) / 6).tolist())
        hits += interval.low <= 2 / 3 <= interval.high
    assert abs(hits / sets - 0.95) < 3 * math.sqrt(0.95 * 0.05 / sets) + 0.01


def test_what_is_no_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 prompt, got 0"):
        win_rate([], [], [])
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_share([0.5, 1.5])
    with pytest.raises(ValueError, match="lists of one length"):
        win_rate([1], [0, 0], [0, 0])
    with pytest.raises(ValueError, match="every prompt has a comparison"):
        win_rate([1, 0], [0, 0], [0, 0])
    with pytest.raises(ValueError, match="counts are not negative"):
        win_rate([2], [-1], [0])
    with pytest.raises(ValueError, match="level is 95"):
        mean_share([0.5], level=95)
