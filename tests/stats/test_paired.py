"""The exact paired test and Holm's procedure, by hand and by simulation."""

import numpy as np
import pytest

from stillhouse.stats import holm, paired_change


def test_by_hand() -> None:
    """Five losses and one gain: P(at least 5 heads of 6) = 7/64, P(at least 1) = 63/64."""
    before = [True] * 8 + [False] * 4
    after = [False] * 5 + [True] * 3 + [True] + [False] * 3
    found = paired_change(before, after)
    assert (found.lost, found.gained, found.n) == (5, 1, 12)
    assert found.p_loss == pytest.approx(7 / 64) and found.p_gain == pytest.approx(63 / 64)


def test_ten_losses_and_no_gain() -> None:
    found = paired_change([True] * 10 + [False] * 190, [False] * 200)
    assert found.p_loss == pytest.approx(2.0**-10)


def test_no_change_says_nothing() -> None:
    found = paired_change([True, False], [True, False])
    assert (found.p_loss, found.p_gain) == (1, 1)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_change([True, False], [True])


@pytest.mark.parametrize(
    ("p_values", "rejected"),
    [
        ([0.024, 0.049], [True, True]),
        ([0.026, 0.049], [False, False]),  # the smaller is above 0.05 / 2, so none falls
        ([0.06, 0.01], [False, True]),
        ([0.04], [True]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values: list[float], rejected: list[bool]) -> None:
    assert holm(p_values, 0.05) == rejected


def test_false_alarms_stay_below_the_level() -> None:
    """Nothing changed but chance: 20 % of the prompts flip either way. Holds for each n, also a small one."""
    rng = np.random.default_rng(1)
    for n in (12, 60, 200):
        alarms = 0
        for _ in range(1500):
            before = rng.random(n) < 0.3
            flips = rng.random(n) < np.where(before, 0.28, 0.12)  # 0.3 * 0.28 = 0.7 * 0.12: as many lost as gained
            alarms += paired_change(before.tolist(), (before ^ flips).tolist()).p_loss <= 0.05
        assert alarms / 1500 < 0.05 + 3 * (0.05 * 0.95 / 1500) ** 0.5
