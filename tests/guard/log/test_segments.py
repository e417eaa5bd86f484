"""Files of a log: their names, when one follows another, and that nobody else writes to one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stillhouse.errors import StorageError
from stillhouse.guard.log.segment import Segment, SegmentName, check_gateway, list_segments, open_segment
from stillhouse.guard.log.segments import Segments
from stillhouse.records.files import lock_for_writing
from stillhouse.records.zstd_lines import compress_frame
from tests.guard.log.drafts import log_settings
from tests.records.test_files import largest_file

NOW = 1785000000.7


def noisy_frame(size: int) -> bytes:
    return compress_frame(os.urandom(size))


class Chain:
    """Segments on a clock that tests set."""

    def __init__(self, folder: Path, gateway: str = "gw-1", **settings: object) -> None:
        self.now = NOW
        self.finished = 0
        self.segments = Segments(log_settings(**settings), folder, gateway, lambda: self.now, self._finished)

    def _finished(self) -> None:
        self.finished += 1


def files(folder: Path) -> list[str]:
    return [path.name for _, path in list_segments(folder)]


def test_a_name_says_when_who_and_which() -> None:
    name = SegmentName(1785000000, "gw-1", 17)
    assert name.file == "exchanges-20260725T172000Z-gw-1-000017.jsonl.zst"
    assert SegmentName.of(name.file) == name
    assert SegmentName.of("exchanges-20260725T172000Z-a.b_c-9-1234567.jsonl.zst") == SegmentName(
        1785000000, "a.b_c-9", 1234567
    )
    for other in ("x", "exchanges-20260725T172000Z-gw-17.jsonl.zst", "exchanges-20261399T172000Z-gw-000001.jsonl.zst"):
        assert SegmentName.of(other) is None


@pytest.mark.parametrize("gateway", ["", "../x", "a/b", "-a", "a b", "x" * 65])
def test_a_gateway_whose_name_is_no_file_name_is_refused(gateway: str) -> None:
    with pytest.raises(ValueError, match="does not fit into file names"):
        check_gateway(gateway)


def test_segments_are_listed_by_start(tmp_path: Path) -> None:
    names = [
        SegmentName(started, gateway, number) for started, gateway, number in ((9, "b", 1), (5, "c", 2), (9, "a", 7))
    ]
    for name in names:
        (tmp_path / name.file).touch()
    (tmp_path / "notes.txt").touch()
    assert [name for name, _ in list_segments(tmp_path)] == [names[1], names[2], names[0]]


def test_a_segment_ends_by_size(tmp_path: Path) -> None:
    chain = Chain(tmp_path, segment_bytes=1 << 16)
    frames = [noisy_frame(30_000) for _ in range(5)]
    for frame in frames:
        chain.segments.append(frame)
    assert [len(path.read_bytes()) for _, path in list_segments(tmp_path)] == [
        len(frames[0] + frames[1]),
        len(frames[2] + frames[3]),
        len(frames[4]),
    ]
    assert [name.number for name, _ in list_segments(tmp_path)] == [1, 2, 3] and chain.finished == 2


def test_a_frame_larger_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    chain = Chain(tmp_path, segment_bytes=1 << 16)
    for size in (10, 100_000, 10):
        chain.segments.append(noisy_frame(size))
    assert [path.stat().st_size > 60_000 for _, path in list_segments(tmp_path)] == [False, True, False]


def test_a_segment_ends_by_age_also_when_nothing_comes(tmp_path: Path) -> None:
    chain = Chain(tmp_path, segment_seconds=60.0)
    assert chain.segments.seconds_left() is None
    chain.segments.append(noisy_frame(10))
    chain.now += 50
    chain.segments.append(noisy_frame(10))
    assert len(files(tmp_path)) == 1 and chain.segments.seconds_left() == pytest.approx(60 - 50.7)
    chain.now += 10
    chain.segments.append(noisy_frame(10))
    assert files(tmp_path)[1] == "exchanges-20260725T172100Z-gw-1-000002.jsonl.zst"
    chain.segments.finish_if_due()
    assert chain.finished == 1
    chain.now += 60
    chain.segments.finish_if_due()
    assert chain.finished == 2 and chain.segments.seconds_left() is None and len(files(tmp_path)) == 2


def test_a_clock_set_back_begins_a_new_segment(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.segments.append(noisy_frame(10))
    chain.now -= 7200
    chain.segments.append(noisy_frame(10))
    assert files(tmp_path)[0].startswith("exchanges-20260725T152000Z-gw-1-000002")


def test_numbers_go_on_after_a_restart_and_old_segments_stay_as_they_are(tmp_path: Path) -> None:
    first = Chain(tmp_path)
    first.segments.append(noisy_frame(10))
    first.segments.finish()
    old = tmp_path / files(tmp_path)[0]
    # As after a kill inside a write.
    old.write_bytes(old.read_bytes()[:-3])
    torn = old.read_bytes()
    Chain(tmp_path, gateway="gw-2").segments.append(noisy_frame(10))
    second = Chain(tmp_path)
    second.now += 1
    second.segments.append(noisy_frame(10))
    assert old.read_bytes() == torn
    assert [(name.gateway, name.number) for name, _ in list_segments(tmp_path)] == [
        ("gw-1", 1),
        ("gw-2", 1),
        ("gw-1", 2),
    ]


def test_two_of_one_name_in_one_second_have_files_of_their_own(tmp_path: Path) -> None:
    chains = [Chain(tmp_path), Chain(tmp_path)]
    # Both have looked for used numbers before either writes.
    opened = [open_segment(tmp_path, "gw-1", NOW, 1) for _ in range(2)]
    assert [segment.name.number for segment in opened] == [1, 2]
    for segment in opened:
        segment.close()
    for chain in chains:
        chain.segments.append(noisy_frame(10))
    assert len(files(tmp_path)) == 2


def test_a_segment_is_locked_while_it_is_written_and_private(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.segments.append(noisy_frame(10))
    path = tmp_path / files(tmp_path)[0]
    assert path.stat().st_mode & 0o007 == 0
    with path.open("rb") as file:
        with pytest.raises(ValueError, match="another process is writing to it"):
            lock_for_writing(file.fileno(), path)
        chain.segments.finish()
        lock_for_writing(file.fileno(), path)


def test_a_refused_frame_leaves_whole_segments_and_no_empty_ones(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.segments.append(noisy_frame(1000))
    whole = (tmp_path / files(tmp_path)[0]).read_bytes()
    with largest_file(3000):
        for _ in range(3):
            with pytest.raises(StorageError, match="free space, raise the limit"):
                chain.segments.append(noisy_frame(5000))
        assert [path.read_bytes() for _, path in list_segments(tmp_path)] == [whole]
        # What fits is taken, in a new segment, without a hole in the numbers.
        chain.segments.append(noisy_frame(1000))
    chain.segments.append(noisy_frame(5000))
    assert [name.number for name, _ in list_segments(tmp_path)] == [1, 2]


def removed(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("moved"))


def replaced(path: Path) -> None:
    path.unlink()
    path.touch()


def folder_moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize("change", [removed, moved, replaced, folder_moved])
def test_a_segment_that_is_taken_away_takes_no_more(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    chain = Chain(folder)
    chain.segments.append(noisy_frame(10))
    change(folder / files(folder)[0])
    with pytest.raises(StorageError, match="was moved or removed while it was written"):
        chain.segments.append(noisy_frame(10))
    if change is folder_moved:
        with pytest.raises(StorageError, match="make the folder first"):
            chain.segments.append(noisy_frame(10))
        folder.mkdir()
    chain.segments.append(noisy_frame(10))


def test_closing_an_empty_segment_removes_only_what_is_its_own(tmp_path: Path) -> None:
    segment: Segment = open_segment(tmp_path, "gw-1", NOW, 1)
    segment.path.unlink()
    segment.path.write_bytes(b"another's")
    segment.close()
    assert segment.path.read_bytes() == b"another's"
    segment = open_segment(tmp_path, "gw-1", NOW, 2)
    segment.close()
    assert len(files(tmp_path)) == 1
