"""Segments of an exchange log written by hand: frames, locks, and writers that were killed."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stillhouse.guard.log.segment import Segment, open_segment
from stillhouse.records.exchange import exchange_to_record
from stillhouse.records.files import encode_line
from stillhouse.records.times import rfc3339
from stillhouse.records.zstd_lines import compress_frame
from stillhouse.types import Exchange
from tests.guard.detection import exchange

__all__ = ["add", "at", "begin", "frame", "killed"]


def at(id: str, seconds: float, account: str = "a", **more: Any) -> Exchange:
    """An exchange that many seconds after 2026-07-20."""
    return exchange(id, rfc3339(1_784_505_600_000 + round(seconds * 1000)), account, "one two three four", **more)


def frame(exchanges: Iterable[Exchange]) -> bytes:
    return compress_frame(b"".join(encode_line(exchange_to_record(one)) for one in exchanges), level=1)


def begin(folder: Path, gateway: str, number: int = 1) -> Segment:
    """A segment that is held as a gateway holds it."""
    return open_segment(folder, gateway, 1_784_505_600.0, number)


def add(segment: Segment, *exchanges: Exchange) -> None:
    """One frame, as the gateway appends it, without waiting for the disk."""
    data = frame(exchanges)
    os.write(segment._descriptor, data)
    segment.size += len(data)


def killed(segment: Segment, part: bytes) -> None:
    """Its writer was killed inside of a write."""
    with segment.path.open("ab") as file:
        file.write(part)
    os.close(segment._descriptor)
