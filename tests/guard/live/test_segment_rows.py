"""One segment as rows: frame by frame, in order, with what was left out counted and told once."""

import os
from pathlib import Path

import numpy as np
import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.live.segment_rows import Counts, SegmentRows, first_time
from stillhouse.records.zstd_lines import compress_frame
from tests.guard.detection import KEY
from tests.guard.live.segments import add, at, begin, frame, killed

EXTRACTOR = Extractor(KEY, np.ones(BUCKETS, np.float32))
SECOND = 1_000_000
BEGIN = 1_784_505_600 * SECOND
DAY = 86_400
NEVER = float("inf")


def rows_of(path: Path, counts: Counts, lateness: int = 10) -> SegmentRows:
    return SegmentRows(path, BEGIN, lateness * SECOND, EXTRACTOR, counts)


def read(rows: SegmentRows) -> int:
    """All frames that are there; how many."""
    frames = 0
    while rows.read_on():
        frames += 1
    return frames


def ids(rows: SegmentRows, seconds: float) -> list[str]:
    return [row.id for row in rows.until(BEGIN + seconds * SECOND)]


def test_rows_come_frame_by_frame_and_in_order(tmp_path: Path) -> None:
    segment, counts = begin(tmp_path, "g"), Counts()
    rows = rows_of(segment.path, counts)
    assert not rows.read_on() and rows.newest == rows.reached == BEGIN
    add(segment, at("1", 5), at("2", 3))
    add(segment, at("3", 4), at("4", 9))
    assert rows.read_on() and counts.read == 2 and rows.unread
    assert read(rows) == 1 and counts.read == 4 and not rows.unread
    # An exchange that is not passed yet is still to come, whatever was read.
    assert ids(rows, 5) == ["2", "3"] and ids(rows, 9) == ["1"] and not rows.is_finished
    assert rows.newest == rows.reached == BEGIN + 9 * SECOND
    segment.close()
    assert not rows.read_on() and rows.is_finished and not rows.is_drained
    assert ids(rows, NEVER) == ["4"] and rows.is_drained


def test_what_stands_further_behind_than_the_lateness_is_late(tmp_path: Path) -> None:
    segment, counts = begin(tmp_path, "g"), Counts()
    add(segment, at("1", 0), at("2", 100), at("3", 90), at("4", 89.9))
    segment.close()
    rows = rows_of(segment.path, counts)
    read(rows)
    found = {row.id: row.at - BEGIN for row in rows.until(NEVER)}
    assert found == {"1": 0, "3": 90 * SECOND, "4": 90 * SECOND, "2": 100 * SECOND} and counts.late == 1


def test_faulty_lines_are_counted_and_the_first_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    segment, counts = begin(tmp_path, "g"), Counts()
    add(segment, at("1", 0))
    os.write(segment._descriptor, compress_frame(b'\n{"v": 1}\nno exchange\n'))
    add(segment, at("2", 1))
    segment.close()
    rows = rows_of(segment.path, counts)
    read(rows)
    assert ids(rows, NEVER) == ["1", "2"] and (counts.read, counts.rejected) == (2, 2)
    (told,) = caplog.records  # a blank line is none, and counts as one
    assert f"the first is {segment.path}:3: " in told.getMessage()


def test_a_clock_that_ran_ahead_is_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    segment, counts = begin(tmp_path, "g"), Counts()
    add(segment, at("1", 0), at("ahead", 5 * DAY), at("2", 1))
    segment.close()
    rows = rows_of(segment.path, counts)
    read(rows)
    assert ids(rows, NEVER) == ["1", "2"] and rows.newest == BEGIN + SECOND
    assert (counts.read, counts.late, counts.rejected) == (2, 0, 1)
    assert "exchange ahead: time 2026-07-25T00:00:00.000Z is more than a day ahead" in caplog.records[0].getMessage()


def test_what_no_exchange_had_is_absent(tmp_path: Path) -> None:
    segment, counts = begin(tmp_path, "g"), Counts()
    rows = rows_of(segment.path, counts)
    add(segment, at("1", 0, client={"ip": "198.51.100.7"}))
    read(rows)
    assert {"organisation", "client.harness"} <= counts.absent
    assert counts.absent.isdisjoint({"request text", "client.ip"})
    add(segment, at("2", 1, organisation="org", client={"harness": "cli"}))
    read(rows)
    assert counts.absent.isdisjoint({"organisation", "client.harness"}) and "client.ja4" in counts.absent
    segment.close()


def test_a_corrupt_segment_ends_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    segment, counts = begin(tmp_path, "g"), Counts()
    add(segment, at("1", 0))
    killed(segment, b"this is no zstd frame")
    rows = rows_of(segment.path, counts)
    assert read(rows) == 1 and rows.is_finished and (counts.read, counts.rejected) == (1, 1)
    assert ids(rows, NEVER) == ["1"] and rows.is_drained
    (told,) = caplog.records
    assert told.levelname == "ERROR" and "corrupt zstd data" in told.getMessage()


def test_the_first_time_is_the_earliest_of_the_first_eight(tmp_path: Path) -> None:
    segment = begin(tmp_path, "g")
    assert first_time(segment.path) is None
    os.write(segment._descriptor, compress_frame(b"no exchange\n"))
    assert first_time(segment.path) is None
    # The first one's clock had run ahead, and the ninth is not asked.
    add(segment, at("ahead", 5 * DAY), at("1", 7), *(at(f"later{n}", 8 + n) for n in range(6)), at("ninth", 1))
    assert first_time(segment.path) == BEGIN + 7 * SECOND
    segment.close()
    segment.path.unlink()
    assert first_time(segment.path) is None


def test_the_first_time_of_a_corrupt_segment_is_that_of_what_can_be_read(tmp_path: Path) -> None:
    damaged, garbage = tmp_path / "damaged.zst", tmp_path / "garbage.zst"
    damaged.write_bytes(frame([at("1", 3)]) + b"this is no zstd frame")
    garbage.write_bytes(b"this is no zstd frame")
    assert first_time(damaged) == BEGIN + 3 * SECOND
    with pytest.raises(RecordError, match="corrupt zstd data"):
        first_time(garbage)
