"""Weights of words by hand, the 48 heaviest, and what a matrix of them says."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from stillhouse.guard.features.content import WORDS_KEPT, content, matrix
from stillhouse.guard.features.words import BUCKETS, bucket, words_of


def idf_of(**known: float) -> NDArray[np.float32]:
    """1 for every word but those that are said."""
    idf = np.ones(BUCKETS, np.float32)
    for word, weight in known.items():
        idf[bucket(word)] = weight
    return idf


def weights_of(packed: bytes) -> list[tuple[float, int]]:
    """(weight, bucket), as they lie in the bytes."""
    numbers = np.frombuffer(packed, "<u4")
    return [(int(one >> 18) / 64, int(one & (BUCKETS - 1))) for one in numbers]


def test_weights_by_hand() -> None:
    found = weights_of(content(["gold", "the", "gold", "the", "the", "rare"], idf_of(gold=4.0, the=0.25, rare=9.0)))
    # (1 + ln 2) * 4 = 6.7726, (1 + ln 3) * 0.25 = 0.5247, and 9; each cut to a 64th.
    assert found == [
        (9.0, bucket("rare")),
        (math.floor(64 * 6.7726) / 64, bucket("gold")),
        (math.floor(64 * 0.5247) / 64, bucket("the")),
    ]


def test_nothing_said_weighs_nothing() -> None:
    assert content([], idf_of()) == content(words_of(" ... "), idf_of()) == b""
    assert content(["the", "the"], idf_of(the=0.0)) == b""  # a word of every text
    assert content(["the", "gold"], idf_of(the=0.001)) == content(["gold"], idf_of())
    assert matrix([b"", b""]).shape == (2, BUCKETS) and matrix([b"", b""]).nnz == 0
    assert matrix([]).shape == (0, BUCKETS)


def test_the_heaviest_words_stay() -> None:
    words = [f"word{number}" for number in range(200)]
    assert len({bucket(word) for word in words}) == 200
    idf = idf_of(**{word: 1 + number / 64 for number, word in enumerate(words)})
    found = weights_of(content(words, idf))
    assert WORDS_KEPT == 48
    assert found == [(1 + number / 64, bucket(f"word{number}")) for number in range(199, 151, -1)]


def test_the_largest_weight_there_can_be_fits() -> None:
    # 4,096 characters hold 2,048 words of one character, and an idf of ten million texts is 16.1.
    heaviest = content(["gold"] * 2048, idf_of(gold=math.log(1e7)))
    assert weights_of(heaviest)[0][0] == pytest.approx((1 + math.log(2048)) * math.log(1e7), abs=1 / 64)
    assert weights_of(content(["gold"], idf_of(gold=1e4))) == [((2**14 - 1) / 64, bucket("gold"))]


def test_a_matrix_has_what_the_bytes_say() -> None:
    rng = np.random.default_rng(3)
    idf = rng.uniform(0, 12, BUCKETS).astype(np.float32)
    texts = [[f"w{one}" for one in rng.integers(0, 5000, size)] for size in (0, 1, 5, 300, 0, 48)]
    packed = [content(words, idf) for words in texts]
    rows = matrix(packed)
    assert rows.shape == (6, BUCKETS)
    for at, one in enumerate(packed):
        dense = np.zeros(BUCKETS)
        for weight, where in weights_of(one):
            dense[where] = weight
        assert np.array_equal(rows[at].toarray().ravel(), dense)
    assert rows[3].nnz == WORDS_KEPT and len(packed[3]) == 4 * WORDS_KEPT


def test_cosines_find_what_two_texts_have_in_common() -> None:
    idf = idf_of()
    rows = matrix(
        [content(words_of(text), idf) for text in ("ein Haus am See", "am See ein Haus", "東京都は晴れ", "東京都は雨")]
    )
    rows = rows.multiply(1 / np.sqrt(rows.multiply(rows).sum(axis=1))).tocsr()
    cosines = (rows @ rows.T).toarray()
    assert cosines[0, 1] == pytest.approx(1) and cosines[0, 2] == pytest.approx(0)
    # Of 東京都は晴れ one whole run and five pairs, of the other a run and four; three pairs are common.
    assert cosines[2, 3] == pytest.approx(3 / math.sqrt(6 * 5))
