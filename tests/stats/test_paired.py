"""The exact paired test and Holm's procedure, by hand and by simulation."""

import numpy as np
import pytest

from stillhouse.stats import PairedChange, holm, net_loss_bounds, paired_change


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


def test_bounds_of_no_change_by_hand() -> None:
    """Nothing lost of n: the upper bound u at level a / 2 solves (1 - u)^n = a / 2."""
    share, relative = net_loss_bounds(PairedChange(0, 0, 228, 1, 1), 20, 0.05)
    assert share == pytest.approx(1 - 0.025 ** (1 / 228), rel=1e-12)
    assert relative == pytest.approx(1 - 0.025 ** (1 / 20), rel=1e-12)


def test_bounds_of_losing_everything() -> None:
    assert net_loss_bounds(PairedChange(6, 0, 6, 1, 1), 6, 0.05) == (1, 1)


def test_gains_lower_the_bounds() -> None:
    """All 5 are gained: that share has the lower bound 0.025^(1/5), and none lost has 1 less that."""
    share, relative = net_loss_bounds(PairedChange(0, 5, 5, 1, 1), 0, 0.05)
    assert share == pytest.approx(1 - 0.025 ** (1 / 5) - 0.025 ** (1 / 5), rel=1e-12) and relative is None


def test_bounds_hold_in_simulation() -> None:
    """Each is below the true net loss in at most 5 % of 2,000 draws, relative and of all questions."""
    rng = np.random.default_rng(3)
    runs = 2000
    for keep, lose, gain in ((0.1, 0.1, 0.05), (0.02, 0.08, 0.0), (0.3, 0.2, 0.2)):
        counts = rng.multinomial(100, (keep, lose, gain, 1 - keep - lose - gain), size=runs)
        below = np.zeros(2)
        for kept, lost, gained, _ in counts.tolist():
            share, relative = net_loss_bounds(PairedChange(lost, gained, 100, 1, 1), kept + lost, 0.05)
            below += share < lose - gain, relative is not None and relative < (lose - gain) / (keep + lose)
        assert (below < runs * (0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5)).all()
