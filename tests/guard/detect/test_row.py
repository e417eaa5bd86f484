"""Rows are a set: how they were split over workers, and in what order they came back, is nothing to them."""

from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.detect.row import Row, merged
from tests.guard.detection import row

ROWS = st.lists(
    st.builds(row, st.sampled_from("abcdef"), st.integers(0, 3), st.sampled_from(("one", "two"))), max_size=8
)


@given(ROWS, ROWS, ROWS)
def test_merging_is_associative_and_commutative(a: list[Row], b: list[Row], c: list[Row]) -> None:
    whole = merged(a, b, c)
    assert merged(merged(a, b), c) == merged(a, merged(b, c)) == whole
    assert merged(b, a, c) == merged(c, b, a) == whole
    assert merged(whole, whole) == whole


@given(ROWS)
def test_each_id_is_there_once_in_the_order_of_time_and_id(rows: list[Row]) -> None:
    places = [(one.at, one.id) for one in merged(rows)]
    assert places == sorted(places)
    assert sorted(one.id for one in merged(rows)) == sorted({one.id for one in rows})


def test_of_two_rows_with_one_id_the_earlier_stays() -> None:
    assert merged([row("a", 5, "x")], [row("a", 3, "x")]) == [row("a", 3, "x")]
