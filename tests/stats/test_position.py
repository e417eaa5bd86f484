"""The effect of position: by hand, exact under the null hypothesis, and found where it was planted."""

import itertools
import math

import numpy as np
import pytest

from stillhouse.errors import ConfigError
from stillhouse.stats import position_effect


def orders(rng: np.random.Generator, m: int) -> np.ndarray:
    """A random order and its reverse, as positions by answer [2, m]."""
    at = rng.permutation(m)
    return np.stack([at, m - 1 - at])


def test_by_hand() -> None:
    """Two prompts with one list of 3 each, ranked as shown: means 1, 2, 3, whose spread is 2. Renaming keeps that
    where both lists are renamed alike, which has chance 1/6, and makes it less elsewhere."""
    shown, given = [np.array([[2, 0, 1]]), np.array([[0, 1, 2]])], [np.array([[3.0, 1, 2]]), np.array([[1.0, 2, 3]])]
    effect = position_effect(shown, given, permutations=4000, seed=0)
    assert effect.means == (1.0, 2.0, 3.0)
    assert (effect.n, effect.lists) == (2, 2)
    assert effect.p_value == pytest.approx(1 / 6, abs=0.02)


def test_opposed_lists_cancel() -> None:
    """A ranking of the answers themselves, shown in an order and its reverse, has no mean difference."""
    shown = [np.array([[0, 1, 2], [2, 1, 0]])] * 4
    effect = position_effect(shown, [np.array([[1.0, 2.0, 3.0]] * 2)] * 4, permutations=200, seed=0)
    assert effect.means == (2.0, 2.0, 2.0) and effect.p_value == 1.0


def test_its_level_is_exact_though_lists_of_a_prompt_agree() -> None:
    """The same ranking of 4 answers whatever the order. A test that took lists as independent would be off."""
    rng, sets = np.random.default_rng(5), 400
    given = [np.tile(rng.permutation(4) + 1.0, (2, 1)) for _ in range(12)]
    small = 0
    for number in range(sets):
        effect = position_effect([orders(rng, 4) for _ in given], given, permutations=99, seed=number)
        small += effect.p_value <= 0.1
    assert small / sets < 0.1 + 3 * math.sqrt(0.1 * 0.9 / sets)
    assert small / sets > 0.1 - 3 * math.sqrt(0.1 * 0.9 / sets)


def test_a_preference_for_the_first_is_found() -> None:
    rng = np.random.default_rng(6)
    shown, given = [], []
    for _ in range(40):
        at = orders(rng, 3)
        worth = rng.normal(size=(1, 3)) - (at == 0)  # less is better
        shown.append(at)
        given.append(worth.argsort(axis=1).argsort(axis=1) + 1.0)
    effect = position_effect(shown, given, permutations=999, seed=0)
    assert effect.means[0] < 1.8 < min(effect.means[1:]) and effect.p_value == 0.001


def test_every_naming_keeps_the_sum() -> None:
    for at in itertools.permutations(range(3)):
        effect = position_effect([np.array([at])], [np.array([[1.0, 2.0, 3.0]])], permutations=9, seed=0)
        assert sum(effect.means) == 6


def test_no_lists_say_so() -> None:
    with pytest.raises(ConfigError, match="at least 1 list"):
        position_effect([], [], permutations=10, seed=0)
