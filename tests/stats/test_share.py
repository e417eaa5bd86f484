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
    """6 wins, 8 ties, 2 losses: mean 5/8, c = (8/16)/4 = 1/8. At z = 2, k = 4/16 = 1/4:

    centre (5/8 + 1/8) / (5/4) = 3/5; under the root k (15/64 - 8/64) + k^2 (1 - 1/2)/4 = 7/256 + 2/256 = 9/256, so half
    is (3/16) / (5/4) = 3/20: 0.45 to 0.75. Without the ties' smaller variance it would be 3/5 -+ 0.2179.
    """
    level = math.erf(2 / math.sqrt(2))  # z = 2
    interval = win_rate([1] * 6 + [0] * 10, [0] * 6 + [1] * 8 + [0] * 2, [0] * 14 + [1] * 2, level=level)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.625, 0.45, 0.75), abs=1e-12)
    assert interval.n == 16


def test_every_prompt_weighs_the_same() -> None:
    """3 of 4 comparisons won, then 0 of 1: (3/4 + 0) / 2, not 3/5."""
    assert win_rate([3, 0], [0, 0], [1, 1]).value == 0.375


def test_only_ties_leave_one_half() -> None:
    interval = win_rate([0] * 9, [1] * 9, [0] * 9)
    assert (interval.low, interval.value, interval.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-12)


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
