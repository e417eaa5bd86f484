"""Near-duplicates: indices worked by hand, and how often the index misses a pair."""

import random

import pytest

from stillhouse.distill.collect.near import NearDuplicates, bands, jaccard, shingles
from stillhouse.distill.collect.settings import DedupSettings


def test_shingles_by_hand() -> None:
    assert shingles("The cat  sat\ndown", 3) == {("the", "cat", "sat"), ("cat", "sat", "down")}
    assert shingles("Yes", 3) == {("yes",)}
    assert shingles("a b a b", 2) == {("a", "b"), ("b", "a")}
    assert shingles(" \n", 3) == frozenset()


def test_jaccard_by_hand() -> None:
    # 2-shingles: {a b, b c, c d} and {b c, c d, d e}: two of four.
    assert jaccard(shingles("a b c d", 2), shingles("b c d e", 2)) == 0.5
    assert jaccard(shingles("a b", 1), shingles("A B", 1)) == 1.0
    assert jaccard(shingles("a", 1), shingles("b", 1)) == 0.0
    assert jaccard(frozenset(), frozenset()) == 1.0


def first_likes(settings: DedupSettings, exchanges: list[tuple[str, str]]) -> list[str | None]:
    near = NearDuplicates(settings, seed=3)
    return [near.first_like(str(i), prompt, answer) for i, (prompt, answer) in enumerate(exchanges)]


def test_threshold_is_exact() -> None:
    # Words as sets: 8 shared of 10, so 0.8 is alike at 0.8 and not at 0.81.
    pair = [("q", "a b c d e f g h i"), ("q", "a b c d e f g h j")]
    assert jaccard(shingles(pair[0][1], 1), shingles(pair[1][1], 1)) == 0.8
    assert first_likes(DedupSettings(threshold=0.8, words=1), pair) == [None, "0"]
    assert first_likes(DedupSettings(threshold=0.81, words=1), pair) == [None, None]


def test_threshold_one_drops_only_equal_sets() -> None:
    texts = ["a b c", "a b c", "a b d", "A  b c"]
    assert first_likes(DedupSettings(threshold=1.0), [("q", t) for t in texts]) == [None, "0", None, "0"]


def test_first_in_order_stays_and_is_named() -> None:
    # 1 is like 0, and 2 like 1 but not like 0: 1 is dropped, so 2 stays.
    chain = ["a b c d e f g h i j", "b c d e f g h i j k", "c d e f g h i j k l"]
    settings = DedupSettings(threshold=0.8, words=1)
    assert [round(jaccard(shingles(chain[0], 1), shingles(c, 1)), 3) for c in chain] == [1.0, 0.818, 0.667]
    assert first_likes(settings, [("q", c) for c in chain]) == [None, "0", None]


def test_same_answer_to_another_question() -> None:
    exchanges = [("How many legs has a spider?", "8"), ("What is five plus three?", "8")]
    assert first_likes(DedupSettings(), exchanges) == [None, None]
    assert first_likes(DedupSettings(across_prompts=True), exchanges) == [None, "0"]


def test_two_short_answers_to_a_long_question() -> None:
    question = "Name one of the many things that people keep in a kitchen and use every day"
    exchanges = [(question, "a spoon"), (question, "a kettle"), (question, "A spoon")]
    assert first_likes(DedupSettings(), exchanges) == [None, None, "0"]


@pytest.mark.parametrize(("threshold", "expected"), [(0.1, (128, 1)), (0.5, (42, 3)), (0.8, (21, 6)), (1.0, (2, 64))])
def test_bands(threshold: float, expected: tuple[int, int]) -> None:
    count, rows = bands(threshold)
    assert (count, rows) == expected
    assert (1 - threshold**rows) ** count <= 0.01
    # One row more would miss more than one pair in a hundred.
    if rows < 64:
        assert (1 - threshold ** (rows + 1)) ** (128 // (rows + 1)) > 0.01


def test_pairs_at_the_threshold_are_missed_at_most_one_time_in_a_hundred() -> None:
    # 0.8 = 40 / 50: two sets of 45 words that share 40. Expected misses of 1000: (1 - 0.8^6)^21 = 1.7.
    rng = random.Random(0)
    missed = 0
    for trial in range(1000):
        words = [f"{rng.getrandbits(40):x}" for _ in range(50)]
        near = NearDuplicates(DedupSettings(threshold=0.8, words=1, across_prompts=True), seed=trial)
        near.first_like("a", "", " ".join(words[:45]))
        missed += near.first_like("b", "", " ".join(words[5:])) is None
    assert missed <= 10


def test_index_finds_what_comparing_everything_finds() -> None:
    rng = random.Random(1)
    texts = [" ".join(rng.choice("abcdefgh") for _ in range(8)) for _ in range(200)]
    sets = [shingles(text, 2) for text in texts]
    expected: list[str | None] = []
    for i in range(len(texts)):
        kept = (j for j in range(i) if expected[j] is None)
        expected.append(next((str(j) for j in kept if jaccard(sets[i], sets[j]) >= 0.5), None))
    assert 10 < sum(first is not None for first in expected) < 190
    assert first_likes(DedupSettings(threshold=0.5, words=2), [("q", text) for text in texts]) == expected
