"""A uniform sample in one pass."""

import numpy as np

from bench.detection_baselines.reservoir import Reservoir


def drawn(size: int, offered: int, seed: int) -> list[int]:
    reservoir: Reservoir[int] = Reservoir(size, np.random.Generator(np.random.PCG64(seed)))
    for item in range(offered):
        reservoir.offer(item)
    assert reservoir.offered == offered
    return reservoir.items


def test_a_short_stream_is_kept_whole() -> None:
    assert drawn(5, 3, 0) == [0, 1, 2]


def test_every_item_is_as_likely() -> None:
    counts = np.zeros(20)
    for seed in range(2000):
        items = drawn(5, 20, seed)
        assert len(set(items)) == 5
        counts[items] += 1
    # Each is in with probability 1/4: 500 of 2000, standard deviation 19.4.
    assert abs(counts - 500).max() < 4 * 19.4


def test_a_seed_is_a_sample() -> None:
    assert drawn(5, 1000, 3) == drawn(5, 1000, 3) != drawn(5, 1000, 4)
