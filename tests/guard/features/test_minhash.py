"""Bands of near wordings: they collide as often as the theory says, measured over wordings of known overlap."""

import math
from functools import lru_cache

import numpy as np
import pytest

from stillhouse.guard.features.minhash import BANDS, bands
from stillhouse.guard.features.tokens import hasher

PAIRS = 3000
HASHED = lru_cache(hasher(b"one key"))


def pair(rng: np.random.Generator, shingles: int, common: int) -> tuple[list[str], list[str]]:
    """Two wordings of so many three-word shingles each, of which the first so many are in both."""
    words = [f"w{number}" for number in rng.integers(0, 1 << 60, 2 * (shingles + 2) - (common + 2))]
    opening, rest = words[: common + 2], words[common + 2 :]
    tail = shingles - common
    return opening + rest[:tail], opening + rest[tail:]


def shingles_of(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


@pytest.mark.parametrize(("shingles", "common", "similarity"), [(28, 24, 0.75), (30, 20, 0.5), (30, 10, 0.2)])
def test_bands_collide_as_often_as_the_theory_says(shingles: int, common: int, similarity: float) -> None:
    rng = np.random.default_rng(common)
    met = same = 0
    for _ in range(PAIRS):
        one, other = pair(rng, shingles, common)
        both = shingles_of(one) & shingles_of(other)
        assert len(both) / len(shingles_of(one) | shingles_of(other)) == similarity
        equal = sum(first == second for first, second in zip(bands(one, HASHED), bands(other, HASHED), strict=True))
        met += equal > 0
        same += equal
    expected = 1 - (1 - similarity**3) ** BANDS
    assert abs(met / PAIRS - expected) < 3 * math.sqrt(expected * (1 - expected) / PAIRS)
    # Bands are independent given the wordings, so each alone is an observation.
    each = similarity**3
    assert abs(same / (PAIRS * BANDS) - each) < 3 * math.sqrt(each * (1 - each) / (PAIRS * BANDS))


def test_wordings_with_nothing_in_common_share_no_band() -> None:
    rng = np.random.default_rng(7)
    assert all(
        set(bands(one, HASHED)).isdisjoint(bands(other, HASHED))
        for one, other in (pair(rng, 30, 0) for _ in range(300))
    )


def test_repetition_of_shingles_does_not_count_and_order_of_words_does() -> None:
    rhyme = ["a", "b", "c"]
    assert bands(rhyme * 3, HASHED) == bands(rhyme * 4, HASHED)
    assert bands(["a", "b", "c", "d"], HASHED) != bands(["d", "c", "b", "a"], HASHED)


def test_short_wordings_have_none_and_three_words_have_all() -> None:
    assert bands([], HASHED) == bands(["a"], HASHED) == bands(["a", "b"], HASHED) == []
    found = bands(["a", "b", "c"], HASHED)
    assert len(found) == BANDS == 6 and len(set(found)) == 6
    assert all(0 <= one < 1 << 64 for one in found)


def test_the_numbers_stay_what_they_are() -> None:
    """A reference on disk holds them, so another method would need another kind of token."""
    assert bands(["below", "is", "an", "instruction", "that", "describes", "a", "task"], HASHED) == [
        5219646952988852349,
        16249333697748461445,
        6346202930334893783,
        18046378929355081731,
        13797568454833412972,
        17697524457147610648,
    ]
