"""Segments read as one log, also where a kill cut one off at any byte."""

from pathlib import Path

import pytest

from stillhouse.errors import RecordError, StorageError
from stillhouse.guard.log.line import LineMaker
from stillhouse.guard.log.privacy import Privacy
from stillhouse.guard.log.reading import SegmentReader, missing
from stillhouse.guard.log.segment import SegmentName
from stillhouse.records.exchange_log import ExchangeLog, RejectedLines
from stillhouse.records.zstd_lines import compress_frame
from tests.guard.log.drafts import draft

MAKER = LineMaker(Privacy("full", None))


def frame(*names: str) -> bytes:
    return compress_frame(b"".join(MAKER.line(draft(name)) for name in names), 3)


def write(folder: Path, started: int, gateway: str, *frames: bytes) -> Path:
    path = folder / SegmentName(started, gateway, 1).file
    path.write_bytes(b"".join(frames))
    return path


def test_segments_follow_one_another_by_start(tmp_path: Path) -> None:
    write(tmp_path, 20, "a", frame("ex_3"), frame("ex_4", "ex_5"))
    write(tmp_path, 10, "b", frame("ex_1", "ex_2"))
    write(tmp_path, 30, "a", b"")
    reader = SegmentReader(tmp_path)
    for _ in range(2):
        assert [exchange.id for exchange in reader] == ["ex_1", "ex_2", "ex_3", "ex_4", "ex_5"]
        assert (reader.segments, reader.unfinished) == (3, 0)
    assert missing(tmp_path, ["ex_5", "ex_6", "ex_7"]) == {"ex_6", "ex_7"}


def test_an_unfinished_frame_is_counted_and_its_whole_lines_are_read(tmp_path: Path) -> None:
    first, second = frame("ex_1", "ex_2"), frame(*[f"ex_{number}" for number in range(3, 9)])
    write(tmp_path, 20, "a", frame("ex_9"))
    for cut in range(1, len(second)):
        torn = write(tmp_path, 10, "a", first, second[:cut])
        reader = SegmentReader(tmp_path)
        read = [exchange.id for exchange in reader]
        assert reader.unfinished == 1
        assert read[:2] == ["ex_1", "ex_2"] and read[-1] == "ex_9"
        assert read[2:-1] == [f"ex_{number}" for number in range(3, len(read))]
        # The same through the reader of any log.
        log = ExchangeLog(torn, rejected=RejectedLines(tmp_path / "rejected.jsonl"))
        assert [exchange.id for exchange in log] == read[:-1]


def test_a_faulty_line_that_no_kill_can_have_made_is_not_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, 10, "a", compress_frame(MAKER.line(draft("ex_1")) + b'{"v": 1}\n'), frame("ex_2"))
    with pytest.raises(RecordError, match=rf"{path}:2: version"):
        list(SegmentReader(tmp_path))
    path = write(tmp_path, 10, "a", frame("ex_1"), compress_frame(b'{"v": 1}\n'))
    with pytest.raises(RecordError, match=rf"{path}:2: version"):
        list(SegmentReader(tmp_path))
    write(tmp_path, 10, "a", frame("ex_1"), b"no frame")
    with pytest.raises(RecordError, match="no zstd frame at byte"):
        list(SegmentReader(tmp_path))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="make the folder first"):
        list(SegmentReader(tmp_path / "gone"))
