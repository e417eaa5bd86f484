"""Live: a real `guard serve` whose detector follows the log while it is written, and is killed once on the way.

Three writers, as three gateways have them, write it in the order of time, each of them every third exchange.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil

from stillhouse.guard.gateway.record import draft_of_exchange
from stillhouse.guard.log.writer import ExchangeWriter
from stillhouse.guard.settings import LogSettings
from stillhouse.records import ExchangeLog
from tests.guard.running import Running, running

__all__ = ["detect_live"]

_NOBODY = "http://127.0.0.1:9"  # an upstream: no request is served here
_WRITERS = 3
_INTERVAL = 0.05  # seconds between two frames of a segment
_AT_ONCE = 1000
_SECONDS = 900.0


def detect_live(log: Path, reference: Path, folder: Path, open_ones: int) -> Path:
    """`decisions.jsonl` of a gateway in `folder` once its detector has decided about all of `log` but the last
    `open_ones`, whose tick is not over.
    """
    folder.mkdir()
    segments, files = folder / "exchanges", sorted(log.glob("exchanges*"))
    with running(folder, _NOBODY, detect={"reference": str(reference.resolve())}) as gateway:
        written = asyncio.run(_write(files, segments, lambda: _kill_detector(gateway)))
        _wait(gateway, written, open_ones)
    return segments / "decisions.jsonl"


async def _write(files: list[Path], segments: Path, halfway: Callable[[], None]) -> int:
    """How many exchanges there were; `halfway` is called after half of them."""
    settings = LogSettings(interval_seconds=_INTERVAL)
    writers = [ExchangeWriter(settings, segments, gateway=f"g{at}", clock=time.time) for at in range(_WRITERS)]
    for writer in writers:
        writer.start(asyncio.get_running_loop())
    total = sum(1 for file in files for _ in ExchangeLog(file))
    number = 0
    for exchange in heapq.merge(*map(ExchangeLog, files), key=lambda one: one.time):
        writers[number % _WRITERS].add(draft_of_exchange(exchange))
        number += 1
        if number % _AT_ONCE == 0:
            await asyncio.sleep(2 * _INTERVAL)
        if number == total // 2:
            halfway()
    for writer in writers:
        await writer.close()
    return number


def _kill_detector(gateway: Running) -> None:
    for child in psutil.Process(gateway.process.pid).children():
        child.kill()


def _wait(gateway: Running, written: int, open_ones: int) -> None:
    """Until the detector has decided about the rest; RuntimeError if it does not come to that."""
    end = time.monotonic() + _SECONDS
    while True:
        found: dict[str, Any] = httpx2.get(f"{gateway.admin}/v1/status").json()["detection"]
        if (found["state"], found["exchanges"], found["lag_exchanges"]) == ("following", written, open_ones):
            return
        if time.monotonic() > end:
            raise RuntimeError(f"the detector did not come to the end of {written:,} exchanges: {found}")
        time.sleep(0.5)
