"""The unbiased estimate of MMD^2, by hand and against plain loops."""

from math import exp

import numpy as np
import pytest

from bench.detection_baselines.mmd_statistic import REPEATS, Reference, kernel, median_distance, mmd2


def k(squared: float, sigma: float) -> float:
    return sum(exp(-squared / (2 * (factor * sigma) ** 2)) for factor in (0.5, 1, 2, 4)) / 4


def test_four_vectors_by_hand() -> None:
    x = np.array([[0.0, 0.0], [1.0, 0.0]])
    y = np.array([[0.0, 1.0], [2.0, 0.0]])
    # Squared distances: within x 1, within y 5, across 1, 4, 2, 1.
    for sigma in (1.0, 0.7):
        expected = k(1, sigma) + k(5, sigma) - 2 * (k(1, sigma) + k(4, sigma) + k(2, sigma) + k(1, sigma)) / 4
        assert mmd2(x, y, sigma) == pytest.approx(expected, abs=1e-15)
    assert mmd2(x, y, 1.0) == pytest.approx(-0.0979541156683316, abs=1e-14)


def test_the_kernel_is_the_mean_of_four() -> None:
    found = kernel(np.array([[0.0], [3.0]]), np.array([[1.0]]), 2.0)
    assert found.tolist() == [[pytest.approx(k(1, 2.0))], [pytest.approx(k(4, 2.0))]]


def test_the_median_leaves_equal_rows_out_and_takes_the_lower_of_two() -> None:
    # Distances 1, 3, 4 and, with the last row again, 0 and once more 4 and 3; sorted 1, 3, 3, 4, 4.
    assert median_distance(np.array([[0.0], [1.0], [4.0], [4.0]])) == 3
    # 1, 2, 3, 4, 6, 7: the third.
    assert median_distance(np.array([[0.0], [1.0], [3.0], [7.0]])) == 3
    assert median_distance(np.ones((5, 3))) == 1.0


def test_32_bits_are_enough() -> None:
    random = np.random.Generator(np.random.PCG64(0))
    x, y = random.normal(size=(60, 8)), random.normal(0.3, 1, size=(80, 8))
    exact = mmd2(x, y, 3.0)
    within = [k(float(((a - b) ** 2).sum()), 3.0) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    between = [k(float(((a - b) ** 2).sum()), 3.0) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    across = [k(float(((a - b) ** 2).sum()), 3.0) for a in x for b in y]
    by_loops = float(np.mean(within)) + float(np.mean(between)) - 2 * float(np.mean(across))
    assert exact == pytest.approx(by_loops, abs=1e-13)
    assert mmd2(x.astype(np.float32), y.astype(np.float32), 3.0) == pytest.approx(exact, abs=1e-6)


def test_one_row_has_no_distance_within() -> None:
    with pytest.raises(ValueError, match="1 rows"):
        mmd2(np.ones((1, 2)), np.ones((2, 2)), 1.0)


@pytest.mark.parametrize(("pool", "size"), [(50, 20), (10, 20)])
def test_a_reference_is_the_mean_over_its_samples(pool: int, size: int) -> None:
    random = np.random.Generator(np.random.PCG64(1))
    rows, window = random.normal(size=(pool, 4)), random.normal(1, 1, size=(size, 4))
    found = Reference.draw(rows, size, 2.0, np.random.Generator(np.random.PCG64(5))).score(window)
    again = np.random.Generator(np.random.PCG64(5))
    samples = [rows[again.choice(pool, size, replace=pool < size)] for _ in range(REPEATS)]
    assert found == pytest.approx(float(np.mean([mmd2(sample, window, 2.0) for sample in samples])), abs=1e-13)
