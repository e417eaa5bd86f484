"""Counts in a window that moves with its events."""

from bench.detection_baselines.sliding import Sliding


def test_an_event_leaves_when_the_span_is_full() -> None:
    window = Sliding(60)
    assert [window.add(time) for time in (0, 0, 30, 59, 60, 89, 90, 200)] == [1, 2, 3, 4, 3, 4, 4, 1]


def test_a_bound_keeps_whether_it_is_exceeded() -> None:
    bounded, free = Sliding(50, most=3), Sliding(50)
    for time in [0, 1, 2, 3, 4, 49, 50, 51, 52, 120, 121, 160, 169, 170]:
        assert (bounded.add(time) > 3) == (free.add(time) > 3)
