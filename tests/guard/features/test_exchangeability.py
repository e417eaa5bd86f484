"""A queue leaves one account in a hundred outstanding, people nearly all: simulated, in both views."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from stillhouse.guard.features.content import Content, content
from stillhouse.guard.features.exchangeability import LEVEL, View, by_content, by_times
from stillhouse.guard.features.words import BUCKETS

IDF = np.full(BUCKETS, 6.0, np.float32)
ACCOUNTS, SIZE, GROUPS = 100, 4, 60
HOUR = 3_600_000_000


def request(rng: np.random.Generator, topic: int, words: int = 20) -> Content:
    """Half of the words are of the topic's own twenty, the others anybody's."""
    own = [f"t{topic}w{one}" for one in rng.integers(0, 20, words // 2)]
    return content([*own, *(f"w{one}" for one in rng.integers(0, 3000, words - len(own)))], IDF)


def queue(rng: np.random.Generator, accounts: int = ACCOUNTS, size: int = SIZE) -> list[list[Content]]:
    """Work of 40 topics, dealt to accounts without regard."""
    work = [request(rng, int(rng.integers(40))) for _ in range(accounts * size)]
    return [work[at * size : (at + 1) * size] for at in range(accounts)]


def people(rng: np.random.Generator, accounts: int = ACCOUNTS, size: int = SIZE) -> list[list[Content]]:
    """Everybody has a topic of his own."""
    return [[request(rng, at) for _ in range(size)] for at in range(accounts)]


def outstanding(view: View | None) -> int:
    assert view is not None
    return int(view.outstanding.sum())


def test_one_in_a_hundred_of_a_queue_stands_out_by_content() -> None:
    rng = np.random.default_rng(11)
    counts = np.array([outstanding(by_content(queue(rng))) for _ in range(GROUPS)])
    # The limit is a quantile of 4,000 draws and common to a group, so the error is taken between groups.
    error = float(counts.std(ddof=1)) / math.sqrt(GROUPS)
    assert abs(float(counts.mean()) - ACCOUNTS * (1 - LEVEL)) < 3 * error and error < 0.25


def test_one_in_a_hundred_of_a_queue_stands_out_by_times() -> None:
    """Requests that are spread over a day at random; cosines are 0 or 1, so ties may only make it fewer."""
    rng = np.random.default_rng(12)
    counts = np.array(
        [outstanding(by_times(rng.integers(0, 24 * HOUR, (ACCOUNTS, SIZE)).tolist())) for _ in range(GROUPS)]
    )
    error = float(counts.std(ddof=1)) / math.sqrt(GROUPS)
    assert float(counts.mean()) < ACCOUNTS * (1 - LEVEL) + 3 * error and error < 0.25


@pytest.mark.parametrize("size", [2, 3, 6])
def test_people_stand_out_by_content(size: int) -> None:
    view = by_content(people(np.random.default_rng(size), 60, size))
    # Two requests have about eight of twenty words each, and may miss one another.
    assert outstanding(view) >= (54 if size == 2 else 59)


def test_people_behind_one_template_stand_out_too() -> None:
    """Twenty words of a template in every request are worth nothing in the group."""
    rng = np.random.default_rng(4)
    template = [f"template{number}" for number in range(20)]

    def templated(topic: int) -> Content:
        own = [f"t{topic}w{one}" for one in rng.integers(0, 30, 7)]
        return content([*template, *own, *(f"w{one}" for one in rng.integers(0, 3000, 13))], IDF)

    view = by_content([[templated(at) for _ in range(SIZE)] for at in range(60)])
    assert outstanding(view) >= 55


def test_shared_material_says_nothing() -> None:
    """A benchmark of three texts: one set of four in 27 drawn across the group is of one text."""
    rng = np.random.default_rng(5)
    texts = [request(rng, topic) for topic in range(3)]
    samples = [[texts[one] for one in rng.integers(0, 3, SIZE)] for _ in range(60)]
    assert by_content(samples) is None


def test_requests_without_words_stand_out_nowhere() -> None:
    assert outstanding(by_content([[b""] * SIZE for _ in range(20)])) == 0


def test_sessions_stand_out_and_a_flat_queue_does_not() -> None:
    rng = np.random.default_rng(6)
    sittings = rng.integers(0, 14 * 24 * HOUR, (ACCOUNTS, 1)) + rng.integers(0, HOUR // 6, (ACCOUNTS, SIZE))
    assert outstanding(by_times(sittings.tolist())) >= 95
    flat = (np.arange(ACCOUNTS * SIZE) * (HOUR // 100)).reshape(SIZE, ACCOUNTS).T  # in turn, one every 36 seconds
    assert outstanding(by_times(flat.tolist())) <= 2


def test_a_class_in_one_hour_is_told_by_a_shorter_slot() -> None:
    """Sittings of two minutes within two hours: half an hour says nothing, a minute does."""
    rng = np.random.default_rng(8)
    sittings = rng.integers(0, 2 * HOUR, (60, 1)) + rng.integers(0, HOUR // 60, (60, SIZE))
    assert outstanding(by_times(sittings.tolist())) > 30


def test_all_at_once_says_nothing() -> None:
    rng = np.random.default_rng(9)
    assert by_times(rng.integers(0, 20_000_000, (40, SIZE)).tolist()) is None
    assert by_times([[0] * SIZE] * 40) is None


def permuted(samples: list[list[Content]], order: NDArray[np.int64]) -> list[list[Content]]:
    return [samples[at] for at in order]


def test_the_order_of_accounts_only_changes_the_draws() -> None:
    rng = np.random.default_rng(10)
    persons, work = people(rng, 60), queue(rng, 60)
    mixed = [*persons[:30], *work[:30]]
    first = by_content(mixed)
    assert first is not None
    for _ in range(5):
        order = rng.permutation(60)
        other = by_content(permuted(mixed, order))
        assert other is not None
        # The limit moves with the draws, by about 6 of the 40 that lie above it.
        assert int((other.outstanding != first.outstanding[order]).sum()) <= 3


def test_the_same_group_is_seen_the_same_way_twice() -> None:
    samples = people(np.random.default_rng(13), 30)
    first, second = by_content(samples), by_content(samples)
    assert first is not None and second is not None and np.array_equal(first.outstanding, second.outstanding)


def test_all_accounts_need_as_many_requests() -> None:
    """Said in the docstring; whoever forgets it with times is told."""
    assert "of all accounts as many" in str(by_content.__doc__)
    with pytest.raises(ValueError, match="inhomogeneous"):
        by_times([[1, 2], [3]])
