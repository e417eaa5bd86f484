"""Reads a folder of segments as one log.

A gateway that was killed leaves its last frame unfinished. The whole lines in it are read like all others, and what is
cut off there was never acknowledged; so it is counted, and reading goes on with the next segment.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from stillhouse.errors import RecordError
from stillhouse.guard.log.segment import list_segments
from stillhouse.records.exchange import exchange_from_record
from stillhouse.records.files import decode_line, disk_errors
from stillhouse.records.zstd_lines import end_of_last_frame, read_zstd_lines
from stillhouse.types import Exchange

__all__ = ["SegmentReader", "missing"]


class SegmentReader:
    """All exchanges in `folder`, segment by segment in the order of their start, each in the order of its writing.

    `segments` and `unfinished` (segments that end inside a frame) count what has been read. RecordError with file and
    line where a line is faulty that is not a cut-off end, or where a segment cannot be decompressed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segments = 0
        self.unfinished = 0

    def __iter__(self) -> Iterator[Exchange]:
        self.segments = self.unfinished = 0
        with disk_errors(self.folder / "x", 0):
            found = list_segments(self.folder)
        for _, path in found:
            cut_off = _is_cut_off(path)
            self.segments += 1
            self.unfinished += cut_off
            yield from _exchanges(path, cut_off)


def missing(folder: Path, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that no segment in `folder` has."""
    return set(ids) - {exchange.id for exchange in SegmentReader(folder)}


def _is_cut_off(path: Path) -> bool:
    with path.open("rb") as file:
        return end_of_last_frame(file, path) < file.seek(0, 2)


def _exchanges(path: Path, cut_off: bool) -> Iterator[Exchange]:
    before: bytes | None = None
    number = 0
    for line in read_zstd_lines(path):
        if before is not None:
            number += 1
            yield _exchange(before, f"{path}:{number}")
        before = line
    # The last line may be a part of one.
    if before is not None:
        place = f"{path}:{number + 1}"
        try:
            exchange = _exchange(before, place)
        except RecordError:
            if not cut_off:
                raise
        else:
            yield exchange


def _exchange(line: bytes, place: str) -> Exchange:
    return exchange_from_record(decode_line(line, place), place)
