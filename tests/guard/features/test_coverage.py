"""Effective numbers of subjects, by hand."""

import numpy as np
import pytest

from stillhouse.guard.features.content import Content, content
from stillhouse.guard.features.coverage import coverage
from stillhouse.guard.features.words import BUCKETS

IDF = np.ones(BUCKETS, np.float32)


def about(*words: str) -> Content:
    return content(words, IDF)


def test_the_same_words_are_one_subject_and_disjoint_ones_are_several() -> None:
    assert coverage([about("one", "two")] * 5) == pytest.approx(1.0)
    assert coverage([about("one"), about("two"), about("three")]) == pytest.approx(3.0)


def test_half_of_the_words_in_common_by_hand() -> None:
    """Cosine of (1, 1, 0) and (0, 1, 1) is a half: 4 / (1 + 1/2 + 1/2 + 1)."""
    assert coverage([about("one", "two"), about("two", "three")]) == pytest.approx(4 / 3)


def test_requests_without_words_are_left_out() -> None:
    assert coverage([about("one"), b"", about("two")]) == pytest.approx(2.0)
    assert coverage([]) is None and coverage([b""]) is None
