"""Frames one after the other: made by one compressor, and counted without being read."""

from pathlib import Path

import pytest

from stillhouse.errors import RecordError
from stillhouse.records.zstd_lines import FrameCompressor, compress_frame, count_zstd_lines, read_zstd_lines


def test_one_compressor_makes_frames_that_stand_alone(tmp_path: Path) -> None:
    compressor = FrameCompressor(3)
    frames = []
    for number in range(3):
        frame = compressor.begin()
        for _ in range(50):
            frame.add(f"line {number}\n".encode())
        assert frame.lines_bytes == 350
        frames.append(frame.end())
    compressor.begin()  # one that nothing came of harms none
    assert len(frames[1]) < 60
    path = tmp_path / "log.jsonl.zst"
    path.write_bytes(frames[2] + frames[0])
    assert list(read_zstd_lines(path)) == [b"line 2"] * 50 + [b"line 0"] * 50


def test_lines_are_counted_also_in_an_unfinished_frame(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    whole = compress_frame(b"a\n" * 7) + compress_frame(b"b\n" * 5)
    path.write_bytes(whole)
    assert count_zstd_lines(path) == 12
    # All but the checksum.
    path.write_bytes(whole[:-4])
    assert count_zstd_lines(path) == 12
    path.write_bytes(b"")
    assert count_zstd_lines(path) == 0
    path.write_bytes(whole + b"no frame")
    with pytest.raises(RecordError, match="corrupt zstd data"):
        count_zstd_lines(path)
