"""Parts of a Parquet file: together the file, each within a row group, and with a hint of its time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import write_table

from stillhouse.errors import RecordError
from stillhouse.records import microseconds
from stillhouse.records.exchange_parquet import parquet_parts, read_parquet_records

START = datetime(2026, 7, 24, tzinfo=UTC)


def file(folder: Path, rows: int, group: int, times: list[Any] | None = None) -> Path:
    columns: dict[str, Any] = {"number": list(range(rows)), "request": ['{"n": 1}'] * rows}
    if times is not None:
        columns["time"] = times
    write_table(pyarrow.table(columns), folder / "log.parquet", row_group_size=group)
    return folder / "log.parquet"


@given(rows=st.integers(1, 60), group=st.integers(1, 60), head=st.integers(1, 20), most=st.integers(1, 70))
def test_the_parts_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, rows: int, group: int, head: int, most: int
) -> None:
    path = file(tmp_path_factory.mktemp("parts"), rows, group)
    parts = list(parquet_parts(path, head, most))
    assert [row["number"] for part in parts for row in read_parquet_records(path, part)] == list(range(rows))
    assert [part.first for part in parts] == [1 + sum(p.stop - p.start for p in parts[:n]) for n in range(len(parts))]
    assert parts[0].stop - parts[0].start <= head and all(0 < part.stop - part.start <= most for part in parts[1:])
    assert {part.ends for part in parts} == {None}


@pytest.mark.parametrize("as_text", [True, False])
def test_a_part_ends_about_when_its_last_row_is(as_text: bool, tmp_path: Path) -> None:
    times = [START + timedelta(seconds=number) for number in range(100)]
    texts = [time.isoformat().replace("+00:00", "Z") for time in times]
    path = file(tmp_path, 100, 40, list(texts) if as_text else list(times))
    done = 0
    for part in parquet_parts(path, 10, 15):
        done += part.stop - part.start
        last = microseconds(texts[done - 1])
        assert last is not None and part.ends is not None and abs(part.ends - last) <= 1_000_000
    ends = [part.ends or 0 for part in parquet_parts(path, 10, 15)]
    assert all(one < other for one, other in pairwise(ends))


@pytest.mark.parametrize(
    ("stored", "read"),
    [('{"n": 1}', {"n": 1}), (b'{"n": 1}', {"n": 1}), ("{n: 1}", "{n: 1}"), (b"\xff", b"\xff")],
)
def test_a_column_of_json_may_be_text_or_bytes_and_what_is_no_json_stays(
    stored: str | bytes, read: object, tmp_path: Path
) -> None:
    write_table(pyarrow.table({"request": [stored]}), tmp_path / "log.parquet")
    assert [row["request"] for row in read_parquet_records(tmp_path / "log.parquet")] == [read]


def test_times_that_are_no_times_are_no_hint(tmp_path: Path) -> None:
    path = file(tmp_path, 2, 2, ["yesterday", "today"])
    assert [part.ends for part in parquet_parts(path, 1, 1)] == [None, None]


def test_damage_is_one_line_wherever_it_is(tmp_path: Path) -> None:
    path = file(tmp_path, 5000, 1000)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 500] = b"\xff" * 500
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"log\.parquet: not a Parquet file, or a damaged one \(.+\); give another"):
        list(read_parquet_records(path))
    path.write_bytes(content[:-3])
    with pytest.raises(RecordError, match=r"log\.parquet: not a Parquet file"):
        list(parquet_parts(path, 1, 1))
