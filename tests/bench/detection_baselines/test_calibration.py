"""How many of the honest exceed a threshold."""

import pytest

from bench.detection_baselines.calibration import threshold


@pytest.mark.parametrize(("n", "exceeding"), [(1, 0), (332, 0), (333, 0), (334, 1), (1000, 3), (1333, 3), (1334, 4)])
def test_at_most_the_share_exceeds(n: int, exceeding: int) -> None:
    scores = [float(number) for number in range(n)]
    found = threshold(scores, 0.003)
    assert found in scores
    assert sum(score > found for score in scores) == exceeding


def test_a_whole_number_of_them_is_not_lost_to_rounding() -> None:
    # 0.003 * 1000 and 0.001 * 3000 are 3, whatever binary fractions make of them.
    for n, share in ((1000, 0.003), (3000, 0.001), (2000, 0.001)):
        assert threshold([float(number) for number in range(n)], share) == n - 1 - round(n * share)


def test_ties_are_not_exceeded() -> None:
    assert threshold([1.0, 5.0, 5.0, 5.0], 0.25) == 5.0


def test_nothing_to_calibrate_on() -> None:
    with pytest.raises(ValueError, match="no scores"):
        threshold([], 0.003)
