"""A segment is read while it is written: whole frames only, its end where its writer is gone."""

from pathlib import Path

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.live.tail import Tail
from stillhouse.records.zstd_lines import compress_frame
from tests.guard.live.segments import at, begin, frame, killed


def test_frames_come_one_after_the_other_and_a_part_of_one_waits(tmp_path: Path) -> None:
    segment = begin(tmp_path, "g")
    tail = Tail(segment.path)
    assert tail.frame() is None and tail.is_written
    first, second = frame([at("1", 0), at("2", 1)]), frame([at("3", 2)])
    segment.append(first + second[:-5])
    lines = tail.frame()
    assert lines is not None and [b'"1"' in lines[0], b'"2"' in lines[1]] == [True, True] and lines[2:] == [b""]
    assert tail.frame() is None and tail.unread == len(second) - 5
    segment.append(second[-5:])
    assert [b'"3"' in line for line in tail.frame() or []] == [True, False]
    assert tail.is_written and not tail.unread
    segment.close()
    assert not tail.is_written and tail.remains() == []


def test_a_carriage_return_between_tokens_is_no_end_of_a_line(tmp_path: Path) -> None:
    segment = begin(tmp_path, "g")
    segment.append(compress_frame(b'{"a":\r1}\n{"b":2}\n'))
    assert Tail(segment.path).frame() == [b'{"a":\r1}', b'{"b":2}', b""]
    segment.close()


def test_lines_of_a_killed_writers_last_frame_remain(tmp_path: Path) -> None:
    segment = begin(tmp_path, "g")
    tail = Tail(segment.path)
    # Lines that do not compress, so that a part of the frame holds some of them.
    whole = frame([at(str(number), number, key=f"{hash(number * 7919):x}" * 40) for number in range(4000)])
    killed(segment, whole[: len(whole) // 2])
    assert tail.frame() is None and not tail.is_written
    assert 0 < len(tail.remains()) < 4000


def test_a_segment_that_is_removed_has_ended(tmp_path: Path) -> None:
    segment = begin(tmp_path, "g")
    segment.append(frame([at("1", 0)]))
    tail = Tail(segment.path)
    segment.path.unlink()
    assert tail.frame() is None and not tail.is_written and tail.remains() == []
    segment.close()


def test_what_is_no_frame_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"this is no zstd frame")
    with pytest.raises(RecordError, match="corrupt zstd data"):
        Tail(tmp_path / "x").frame()
