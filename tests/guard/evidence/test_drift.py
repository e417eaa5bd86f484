"""How many honest accounts may look odd, by chance."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.drift import Drift
from stillhouse.stats.conformal import conformal_log_p


def test_the_probability_by_hand() -> None:
    """A reference of nine: each p-value of a tenth needs a score above all nine, U ~ Beta(1, 9), E U = 1 / 10 and
    E U^2 = 2 / 110."""
    one = Drift.of([math.log(0.1), 0.0], 9)
    assert (one.accounts, one.level, one.low) == (2, 0.1, 1)
    assert math.exp(one.log_p) == pytest.approx(2 / 10 - 2 / 110)
    both = Drift.of([math.log(0.1)] * 2, 9)
    assert math.exp(both.log_p) == pytest.approx(2 / 110) and not both.is_alarm
    assert Drift.of([0.0, -1.0], 9).log_p == 0.0


def test_so_many_that_the_probability_underflows_are_an_alarm() -> None:
    told = Drift.of([-5.0] * 3000 + [0.0] * 3000, 3000)
    assert told.is_alarm and -math.inf < told.log_p < -700


def test_a_small_reference_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a reference of 8 has no p-value of 0\.1; it takes nine"):
        Drift.of([0.0], 8)


@pytest.mark.parametrize("reference", [30, 300])
def test_it_counts_a_reference_s_own_luck(reference: int) -> None:
    """One reference judges all, so far more may be low than if each were judged by another."""
    rng, runs, levels = np.random.default_rng(3), 2000, []
    for _ in range(runs):
        scores = np.sort(rng.random(reference))
        levels.append(Drift.of([conformal_log_p(one, scores) for one in rng.random(200)], reference).log_p)
    for alpha in (0.1, 0.01):
        share = np.mean(np.array(levels) <= math.log(alpha))
        assert alpha / 3 <= share <= alpha + 4 * math.sqrt(alpha * (1 - alpha) / runs)
