"""Hashed TF-IDF against a small case worked by hand."""

import math
from zlib import crc32

import numpy as np
import pytest

from stillhouse.range.corpus.terms import BUCKETS, tfidf


def test_weights_are_those_of_the_smoothed_formula() -> None:
    rows = tfidf(["tea tea milk", "Milk!", "..."]).toarray()
    tea, milk = crc32(b"tea") % BUCKETS, crc32(b"milk") % BUCKETS
    in_one, in_two = math.log(4 / 2) + 1, math.log(4 / 3) + 1
    first = np.array([(1 + math.log(2)) * in_one, in_two])
    assert rows[0, [tea, milk]] == pytest.approx(first / np.linalg.norm(first))
    assert rows[1, milk] == pytest.approx(1.0) and rows[1, tea] == 0
    assert not rows[2].any()
    assert np.count_nonzero(rows) == 3


def test_rows_have_length_one_and_texts_may_be_none() -> None:
    rows = tfidf(["a b c", "b c d e", "a a a"])
    assert np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel()) == pytest.approx(1.0)
    assert tfidf([]).shape == (0, BUCKETS)
