"""The growing set of PRADA, worked by hand."""

import numpy as np
import pytest

from bench.detection_baselines.embedding import Vectors
from bench.detection_baselines.growing_set import MOST_MEMBERS, GrowingSet


def at(place: float) -> Vectors:
    return np.array([place, 0], np.float32)


def test_distances_members_and_threshold() -> None:
    found = GrowingSet()
    assert (found.add(at(0)), len(found), found.threshold) == (None, 1, 0.0)
    assert (found.add(at(3)), len(found)) == (3, 2)
    assert found.threshold == 0.0  # of 0, 3: 1.5 - 1.5
    assert (found.add(at(4)), len(found)) == (1, 3)
    assert found.threshold == pytest.approx(4 / 3 - (14 / 9) ** 0.5)  # of 0, 3, 1: 0.0861
    assert (found.add(at(4.0625)), len(found)) == (0.0625, 3)  # nearer than that: no member
    assert (found.add(at(10)), len(found)) == (6, 4)
    assert found.threshold == pytest.approx(2.5 - 5.25**0.5)  # of 0, 3, 1, 6: 0.2087
    assert (found.add(at(10)), len(found)) == (0, 4)
    assert (found.add(at(4.0625)), len(found)) == (0.0625, 4)


def test_the_threshold_does_not_fall() -> None:
    found = GrowingSet()
    for place in (0, 10, 20, 30, 40, 50):
        found.add(at(place))
    before = found.threshold  # of 0, 10, 10, 10, 10, 10: 8.33 - 3.73
    assert before == pytest.approx(50 / 6 - (500 / 36 * 1.0) ** 0.5)
    found.add(at(1000))
    assert len(found) == 7 and found.threshold == before


def test_a_repeated_query_is_at_a_distance_of_exactly_nothing() -> None:
    rows = np.random.Generator(np.random.PCG64(0)).normal(size=(300, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = GrowingSet()
    for row in rows:
        found.add(row)
    assert found.add(rows[0]) == 0.0


def test_a_full_set_stays_as_it_is_and_goes_on_telling_distances() -> None:
    found = GrowingSet()
    for place in range(MOST_MEMBERS + 50):
        found.add(at(place))
    assert len(found) == MOST_MEMBERS
    assert found.add(at(MOST_MEMBERS + 50)) == 51
