"""Exact bounds of a share, against the binomial distribution itself."""

import pytest
from scipy.stats import binom

from stillhouse.stats import lower_share, upper_share


def test_none_of_many() -> None:
    """(1 - u)^n = 0.05: the rule of three."""
    assert (1 - upper_share(0, 1000)) ** 1000 == pytest.approx(0.05)
    assert lower_share(0, 1000) == 0.0


def test_all_of_them() -> None:
    assert upper_share(7, 7) == 1.0
    assert lower_share(7, 7) ** 7 == pytest.approx(0.05)


@pytest.mark.parametrize(("successes", "n", "level"), [(3, 40, 0.05), (39, 40, 0.025), (1, 5, 0.2)])
def test_what_was_seen_is_just_possible_at_the_bounds(successes: int, n: int, level: float) -> None:
    assert binom.cdf(successes, n, upper_share(successes, n, level)) == pytest.approx(level)
    assert binom.sf(successes - 1, n, lower_share(successes, n, level)) == pytest.approx(level)
