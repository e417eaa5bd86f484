"""CSV exports: quotes, newlines in fields, separators, broken records, and the process's own limit put back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.ingest.csv_rows import csv_records

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def records(data: bytes) -> list[tuple[int, dict[str, str] | None, str | None]]:
    return list(csv_records(io.BufferedReader(io.BytesIO(data))))


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5), st.sampled_from(",;\t"))
def test_what_a_database_quotes_comes_back(cells: list[list[str]], separator: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(cells)
    found = records(text.getvalue().encode())
    assert [record for _, record, _ in found] == [dict(zip("abc", row, strict=True)) for row in cells]


def test_records_are_placed_by_the_line_they_begin_on() -> None:
    data = b'a,b\r\n1,"two\r\nlines ""quoted"""\r\n3,4\r\n'
    assert records(data) == [(2, {"a": "1", "b": 'two\r\nlines "quoted"'}, None), (4, {"a": "3", "b": "4"}, None)]


def test_broken_records_are_named_and_the_next_is_read() -> None:
    data = b"a,b\n1\n1,2,3\n\xff,2\n5,6\n"
    assert [(number, reason) for number, _, reason in records(data)] == [
        (2, "has 1 fields; the header has 2"),
        (3, "has 3 fields; the header has 2"),
        (4, "not UTF-8 text"),
        (5, None),
    ]


def test_prompts_longer_than_the_usual_limit_are_read_and_the_limit_is_put_back() -> None:
    before = csv.field_size_limit()
    prompt = "x" * (before + 10)
    assert records(f"a,b\n1,{prompt}\n".encode())[0][1] == {"a": "1", "b": prompt}
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("data", [b"", b"a,b\n", b"\xef\xbb\xbfa,b\n"])
def test_no_records(data: bytes) -> None:
    assert records(data) == []


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert records(b"\xef\xbb\xbfa,b\n1,2\n") == [(2, {"a": "1", "b": "2"}, None)]
