"""Lines in appended zstd frames.

A zstd file may hold many frames one after the other, so appending needs no rewriting, and each append that
returned is a whole frame. A process killed inside a write leaves one unfinished frame at the end, which a
reader reports and the next writer replaces by its whole lines; every frame before it stays readable
(RFC 8878, section 3.1).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from stillhouse.errors import RecordError

__all__ = [
    "Frame",
    "FrameCompressor",
    "compress_frame",
    "content_behind",
    "count_zstd_lines",
    "end_of_last_frame",
    "read_frame",
    "read_zstd_lines",
    "whole_lines_behind",
]

_MAGIC = zstandard.FRAME_HEADER
_LONGEST_HEADER = 18
_RUN_LENGTH_BLOCK = 1


def compress_frame(data: bytes, level: int = 9) -> bytes:
    """One whole frame with a checksum of its content."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


class FrameCompressor:
    """Makes many whole frames: setting one up costs as much as packing a short one. Not for two threads at once."""

    def __init__(self, level: int) -> None:
        self._compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)

    def begin(self) -> "Frame":
        """A frame with a checksum of its content, independent of those before it, which must have ended."""
        return Frame(self._compressor.compressobj())


class Frame:
    """A frame that is packed as it grows. `lines_bytes` is how much has gone in."""

    def __init__(self, packer: "zstandard.ZstdCompressionObj") -> None:
        self.lines_bytes = 0
        self._packer = packer
        self._packed: list[bytes] = []

    def add(self, data: bytes) -> None:
        self.lines_bytes += len(data)
        self._packed.append(self._packer.compress(data))

    def end(self) -> bytes:
        """The whole frame."""
        self._packed.append(self._packer.flush())
        return b"".join(self._packed)


def read_zstd_lines(path: Path) -> Iterator[bytes | None]:
    """Each line of the decompressed content; a last None says that the file ends inside a frame, and stands for the
    line that was cut off there.

    Raises RecordError where the content is corrupt: what follows such a place cannot be read.
    """
    rest = b""
    unfinished = False
    with path.open("rb") as file:
        for piece, whole in _decompressed(file, path):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
            unfinished = not whole
    if unfinished:
        yield None
    elif rest:
        yield rest


def read_frame(file: BinaryIO, start: int, path: Path) -> tuple[bytes, int] | None:
    """The content of the frame at offset `start` and the offset behind it; None where no whole frame is there (yet).

    Raises RecordError where what is there is corrupt.
    """
    file.seek(start)
    frame = zstandard.ZstdDecompressor().decompressobj()
    content = []
    while chunk := file.read(1 << 18):
        try:
            content.append(frame.decompress(chunk))
        except zstandard.ZstdError as error:
            raise _corrupt(file, path, error) from None
        if frame.eof:
            return b"".join(content), file.tell() - len(frame.unused_data)
    return None


def count_zstd_lines(path: Path) -> int:
    """Whole lines in the file, those of an unfinished last frame included. RecordError where the content is corrupt."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece, _ in _decompressed(file, path))


def content_behind(file: BinaryIO, start: int, path: Path) -> bytes:
    """What can be read from offset `start` on, where a frame begins, to the end; of an unfinished frame a part."""
    file.seek(start)
    return b"".join(piece for piece, _ in _decompressed(file, path))


def whole_lines_behind(file: BinaryIO, start: int, path: Path) -> bytes:
    """The whole lines that can still be read from an unfinished frame at offset `start`."""
    content = content_behind(file, start, path)
    return content[: content.rfind(b"\n") + 1]


def end_of_last_frame(file: BinaryIO, path: Path) -> int:
    """Offset in bytes behind the last whole frame, found from the blocks' lengths without decompressing.

    Raises RecordError if what follows that place is no zstd frame at all.
    """
    size = file.seek(0, 2)
    end = 0
    while end < size:
        file.seek(end)
        header = file.read(_LONGEST_HEADER)
        if header[:4] != _MAGIC[: len(header)]:
            raise RecordError(f"{path}: no zstd frame at byte {end:,}; give another log or mend this one")
        behind = _end_of_frame(file, end, header)
        if behind is None or behind > size:
            break
        end = behind
    return end


def _end_of_frame(file: BinaryIO, start: int, header: bytes) -> int | None:
    try:
        position = start + zstandard.frame_header_size(header)
        checksum = 4 if zstandard.get_frame_parameters(header).has_checksum else 0
    except zstandard.ZstdError:
        return None
    while True:
        file.seek(position)
        raw = file.read(3)
        if len(raw) < 3:
            return None
        block = int.from_bytes(raw, "little")
        is_last, kind, length = block & 1, (block >> 1) & 3, block >> 3
        position += 3 + (1 if kind == _RUN_LENGTH_BLOCK else length)
        if is_last:
            return position + checksum


def _decompressed(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, bool]]:
    """(piece of content, whether its frame is whole with it)."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    chunk = b""
    while chunk := chunk or file.read(1 << 18):
        try:
            piece = frame.decompress(chunk)
        except zstandard.ZstdError as error:
            raise _corrupt(file, path, error) from None
        yield piece, frame.eof
        chunk = b""
        if frame.eof:
            chunk = frame.unused_data
            frame = zstandard.ZstdDecompressor().decompressobj()


def _corrupt(file: BinaryIO, path: Path, error: zstandard.ZstdError) -> RecordError:
    return RecordError(
        f"{path}: corrupt zstd data before byte {file.tell():,} ({error}); copy the log again, or give another"
    )
