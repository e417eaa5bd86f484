"""Order of time within a lateness, and ticks that depend on the rows alone."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.detect.ordered import Once, Ordering, Ticks
from stillhouse.guard.detect.row import Row
from tests.guard.detection import row


def ordered(times: Sequence[int], lateness: int) -> tuple[list[Row], Ordering[Row]]:
    ordering = Ordering[Row](lateness)

    def rows() -> Iterator[Row]:
        for number, at in enumerate(times):
            yield from ordering.put(row(f"{number:04}", ordering.time(at), "a"))
        yield from ordering.rest()

    return list(rows()), ordering


@given(st.lists(st.integers(0, 100), max_size=40), st.integers(0, 30))
def test_rows_come_in_order_and_none_is_lost(times: list[int], lateness: int) -> None:
    rows, ordering = ordered(times, lateness)
    places = [(one.at, one.id) for one in rows]
    assert places == sorted(places)
    assert sorted(one.id for one in rows) == [f"{number:04}" for number in range(len(times))]
    newest, late = -1, 0
    for at in times:
        newest = max(newest, at)
        late += at < newest - lateness
    assert ordering.late == late


def test_an_exchange_that_is_too_late_counts_at_the_last_open_moment() -> None:
    rows, ordering = ordered([100, 50, 95], lateness=10)
    assert [one.at for one in rows] == [90, 95, 100]
    assert ordering.late == 1


def test_a_tick_ends_with_its_time_or_with_its_number() -> None:
    rows = [row(str(at), at, "a") for at in (0, 1, 9, 10, 11, 12, 13, 31)]
    ticks = [[one.at for one in tick] for tick in Ticks(10, 3, Once(100)).cut(rows)]
    assert ticks == [[0, 1, 9], [10, 11, 12], [13], [31]]


def test_an_id_counts_once_within_what_is_remembered() -> None:
    ticks = Ticks(1000, 100, Once(50))
    rows = [row("x", 0, "a"), row("y", 10, "a"), row("x", 20, "a"), row("x", 80, "a")]
    assert [[one.at for one in tick] for tick in ticks.cut(rows)] == [[0, 10, 80]]
    assert ticks.once.duplicates == 1


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.integers(1, 9))
def test_ticks_do_not_depend_on_where_the_stream_was_interrupted(times: list[int], most: int) -> None:
    rows = [row(f"{number:04}", at, "a") for number, at in enumerate(sorted(times))]
    whole = list(Ticks(20, most, Once(100)).cut(rows))
    assert [one for tick in whole for one in tick] == rows
    assert all(len(tick) <= most and len({one.at // 20 for one in tick}) == 1 for tick in whole)
