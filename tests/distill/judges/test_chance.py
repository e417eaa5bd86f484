"""Chance that depends on what it is for, and on nothing else."""

from collections import Counter

from stillhouse.distill.judges.chance import number, shuffled


def test_numbers_are_fixed_and_fit_a_seed() -> None:
    assert number(1, "rubric", "p", 0) == number(1, "rubric", "p", 0)
    seen = {number(seed, "rubric", None, 0) for seed in range(2000)}
    assert len(seen) == 2000 and min(seen) >= 0 and max(seen) < 2**31
    assert abs(sum(seen) / len(seen) / 2**31 - 0.5) < 0.03


def test_orders_are_equally_likely() -> None:
    counts = Counter(tuple(shuffled([4, 5, 6], seed, "order")) for seed in range(3000))
    assert len(counts) == 6 and max(counts.values()) < 600 and min(counts.values()) > 400
