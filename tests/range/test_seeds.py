"""Random numbers by name: the same everywhere, in the right proportions."""

from collections import Counter
from random import Random

import pytest

from stillhouse.range.seeds import cumulative, draws, hex_of, pick, poisson, seed_of, shuffled


def test_a_name_gives_the_same_seed_in_every_process() -> None:
    # Written down: another value would change every composition that anybody has.
    assert seed_of(0, "person", 17) == 6957901577925233795
    assert seed_of("a", "b") != seed_of("ab")
    assert draws(1, "x").random() == draws(1, "x").random() != draws(2, "x").random()


def test_identifiers_have_the_length_asked_for_and_differ() -> None:
    assert len(hex_of("account", 1)) == 12 and len(hex_of("account", 1, size=3)) == 6
    assert len({hex_of("account", number) for number in range(1000)}) == 1000


def test_pick_follows_the_weights() -> None:
    rng, sums = Random(1), cumulative((1, 0, 3))
    assert sums == (1, 1, 4)
    counts = Counter(pick(rng, "abc", sums) for _ in range(4000))
    assert counts["b"] == 0 and 0.7 < counts["c"] / 4000 < 0.8


@pytest.mark.parametrize("mean", [0.3, 4.0, 60.0])
def test_poisson_has_the_mean_and_the_variance_of_its_name(mean: float) -> None:
    rng = Random(2)
    found = [poisson(rng, mean) for _ in range(6000)]
    average = sum(found) / len(found)
    spread = sum((value - average) ** 2 for value in found) / len(found)
    assert average == pytest.approx(mean, rel=0.06) and spread == pytest.approx(mean, rel=0.1)


def test_no_poisson_of_nothing() -> None:
    assert poisson(Random(3), 0.0) == 0


def test_shuffling_keeps_everything_and_leaves_the_original() -> None:
    values = list(range(50))
    mixed = shuffled(values, "deck")
    assert sorted(mixed) == values == list(range(50)) and mixed != values
    assert mixed == shuffled(values, "deck")
