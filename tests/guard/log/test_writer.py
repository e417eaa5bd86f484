"""The writer on a running loop: groups, promises, refusing disks, and its end."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError, RecordError, StorageError
from stillhouse.guard.log.draft import Draft
from stillhouse.guard.log.reading import SegmentReader, missing
from stillhouse.guard.log.segment import SegmentName, list_segments
from stillhouse.guard.log.writer import ExchangeWriter
from stillhouse.records.zstd_lines import compress_frame
from tests.guard.log.drafts import draft, log_settings
from tests.guard.log.mounts import small_disk
from tests.records.test_files import largest_file

Work = Callable[[ExchangeWriter], Coroutine[Any, Any, None]]


def run(folder: Path, work: Work, *, close: bool = True, **settings: Any) -> ExchangeWriter:
    """Do `work` with a started writer, then close it."""

    async def whole() -> ExchangeWriter:
        writer = ExchangeWriter(log_settings(**settings), folder, gateway="gw", clock=time.time)
        writer.start(asyncio.get_running_loop())
        try:
            await work(writer)
        finally:
            if close:
                await writer.close()
        return writer

    return asyncio.run(asyncio.wait_for(whole(), 60))


def promised(writer: ExchangeWriter, given: Draft) -> Awaitable[None]:
    kept = writer.add(given)
    assert kept is not None
    return kept


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


def ids(folder: Path) -> list[str]:
    return [exchange.id for exchange in SegmentReader(folder)]


# Promises


def test_what_is_acknowledged_is_on_disk_and_many_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        real(descriptor)
        state = os.fstat(descriptor)
        synced.append((state.st_ino, state.st_size))

    monkeypatch.setattr(os, "fsync", watched)

    def all_is_synced() -> bool:
        [(_, path)] = list_segments(tmp_path)
        return (path.stat().st_ino, path.stat().st_size) in synced

    async def work(writer: ExchangeWriter) -> None:
        await promised(writer, draft("ex_0"))
        assert ids(tmp_path) == ["ex_0"] and all_is_synced() and writer.waiting_bytes == 0
        await asyncio.gather(*[promised(writer, draft(f"ex_{number}")) for number in range(1, 500)])
        assert ids(tmp_path) == [f"ex_{number}" for number in range(500)] and all_is_synced()

    writer = run(tmp_path, work)
    assert writer.kept == 500 and writer.lost == 0 and writer.failed is None
    # One for the folder's entry, a few for the groups; the loop adds 499 in far less time than one sync takes.
    assert len(synced) < 30


def test_an_interval_promises_nothing_and_is_kept_to(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        for number in range(10):
            assert writer.add(draft(f"ex_{number}")) is None
        assert writer.waiting_bytes > 0
        begun = time.monotonic()
        await until(lambda: writer.kept == 10)
        assert time.monotonic() - begun < 1.0
        assert len(ids(tmp_path)) == 10 and writer.waiting_bytes == 0

    run(tmp_path, work, fsync="interval", interval_seconds=0.4)


def test_a_mebibyte_does_not_wait_for_the_interval(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        for number in range(30):
            writer.add(draft(f"ex_{number}", incompressible=40_000))
        await until(lambda: writer.kept >= 26, 10.0)

    assert run(tmp_path, work, fsync="interval", interval_seconds=60.0).kept == 30


@pytest.mark.parametrize("fsync", ["always", "interval"])
def test_closing_drains(tmp_path: Path, fsync: str) -> None:
    waiting: list[Awaitable[None] | None] = []

    async def work(writer: ExchangeWriter) -> None:
        waiting.extend(writer.add(draft(f"ex_{number}")) for number in range(200))

    writer = run(tmp_path, work, fsync=fsync, interval_seconds=60.0)
    assert missing(tmp_path, [f"ex_{number}" for number in range(200)]) == set()
    assert not writer.accepting
    with pytest.raises(StorageError, match="is not running"):
        writer.add(draft("ex_late"))


def test_closing_twice_and_without_start_is_nothing_new(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        await writer.close()

    run(tmp_path, work)
    asyncio.run(ExchangeWriter(log_settings(), tmp_path, gateway="gw", clock=time.time).close())
    assert os.listdir(tmp_path) == []


def test_who_stops_waiting_disturbs_nobody(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        async def wait(number: int) -> None:
            await promised(writer, draft(f"ex_{number}"))

        tasks = [asyncio.create_task(wait(number)) for number in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [number for number, result in enumerate(done) if result is not None] == [3]

    run(tmp_path, work)
    assert len(ids(tmp_path)) == 10


def test_an_exchange_that_cannot_be_written_harms_no_other(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        good = promised(writer, draft("ex_1"))
        with pytest.raises(RecordError, match="exchange ex_2: cannot be written as JSON"):
            await promised(writer, draft("ex_2", client={"ip": {1}}))
        await good
        await promised(writer, draft("ex_3"))
        assert writer.waiting_bytes == 0

    writer = run(tmp_path, work)
    assert ids(tmp_path) == ["ex_1", "ex_3"] and writer.lost == 1


# Segments and retention


def test_a_fault_at_one_exchange_is_not_the_log_s_end(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        bad = promised(writer, draft("ex_1", time=1e300))  # no calendar has it
        good = promised(writer, draft("ex_2"))
        with pytest.raises(RecordError):
            await bad
        await good
        assert writer.accepting and writer.lost == 1

    run(tmp_path, work)
    assert ids(tmp_path) == ["ex_2"]


def test_segments_rotate_while_exchanges_come(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        for number in range(12):
            await promised(writer, draft(f"ex_{number:02d}", incompressible=60_000))

    run(tmp_path, work, segment_bytes=1 << 16)
    # Text in hexadecimal digits takes half of its length, so two of them fill a segment.
    assert len(list_segments(tmp_path)) == 6
    assert ids(tmp_path) == [f"ex_{number:02d}" for number in range(12)]


def test_an_idle_segment_is_finished_when_its_time_is_over(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        await promised(writer, draft("ex_1"))
        await until(lambda: writer._segments.seconds_left() is None)

        assert len(list_segments(tmp_path)) == 1 and ids(tmp_path) == ["ex_1"]

    run(tmp_path, work, segment_seconds=1.1)


def test_two_writers_share_a_folder(tmp_path: Path) -> None:
    async def whole() -> None:
        writers = [ExchangeWriter(log_settings(), tmp_path, gateway="gw", clock=time.time) for _ in range(2)]
        for writer in writers:
            writer.start(asyncio.get_running_loop())
        await asyncio.gather(
            *[promised(writers[number % 2], draft(f"ex_{number}")) for number in range(100)],
        )
        for writer in writers:
            await writer.close()

    asyncio.run(whole())
    assert len(list_segments(tmp_path)) == 2
    assert sorted(ids(tmp_path)) == sorted(f"ex_{number}" for number in range(100))


def test_old_segments_are_removed_and_told(tmp_path: Path) -> None:
    old = tmp_path / SegmentName(int(time.time()) - 3 * 86400, "gone", 1).file
    old.write_bytes(compress_frame(b"{}\n" * 7))
    told: list[tuple[Path, int | None]] = []

    async def whole() -> None:
        settings = log_settings(retain_days=2.0)
        writer = ExchangeWriter(
            settings,
            tmp_path,
            gateway="gw",
            clock=time.time,
            on_removed=lambda path, digest, exchanges: told.append((path, exchanges)),
        )
        writer.start(asyncio.get_running_loop())
        await promised(writer, draft("ex_1"))
        await until(lambda: not old.exists())
        await writer.close()

    asyncio.run(whole())
    assert told == [(old, 7)] and ids(tmp_path) == ["ex_1"]


# Faults


def test_what_cannot_work_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def start(folder: Path) -> None:
        ExchangeWriter(log_settings(), folder, gateway="gw", clock=time.time).start(asyncio.get_running_loop())

    with pytest.raises(StorageError, match="give a path where nothing is yet"):
        asyncio.run(start(tmp_path / "file"))
    with pytest.raises(ValueError, match="does not fit into file names"):
        ExchangeWriter(log_settings(), tmp_path, gateway="../gw", clock=time.time)
    with pytest.raises(ConfigError, match=r"log\.privacy: scaffold needs a secret"):
        ExchangeWriter(log_settings(privacy="scaffold"), tmp_path, gateway="gw", clock=time.time)


def test_a_refusing_disk_is_told_kept_for_and_recovered_from(tmp_path: Path) -> None:
    folder = tmp_path / "log"

    async def work(writer: ExchangeWriter) -> None:
        await promised(writer, draft("ex_0"))
        with largest_file(2000):
            with pytest.raises(StorageError, match="free space, raise the limit"):
                await promised(writer, draft("ex_1", incompressible=5000))
            assert not writer.accepting and writer.failed is not None
            # Those that had begun still come in, and are told as well.
            late = [promised(writer, draft(f"ex_{number}", incompressible=5000)) for number in (2, 3)]
            results = await asyncio.gather(*late, return_exceptions=True)
            assert all(isinstance(result, StorageError) for result in results)
            assert writer.kept == 1 and writer.waiting_bytes > 15_000
            assert ids(folder) == ["ex_0"]
        await until(lambda: writer.accepting)
        await promised(writer, draft("ex_4"))
        assert writer.waiting_bytes == 0 and writer.failed is None

    assert run(folder, work).lost == 0
    # Nothing that waited was lost, in the order in which it came.
    assert ids(folder) == ["ex_0", "ex_1", "ex_2", "ex_3", "ex_4"]
    assert len(list_segments(folder)) == 2


def test_a_full_disk_keeps_every_promise(tmp_path: Path) -> None:
    acknowledged, refused = [], []

    async def fill(writer: ExchangeWriter) -> None:
        for number in range(200):
            name = f"ex_{number:03d}"
            try:
                await promised(writer, draft(name, incompressible=20_000))
                acknowledged.append(name)
            except StorageError:
                refused.append(name)
                if len(refused) == 3:
                    break
        assert len(acknowledged) > 5 and not writer.accepting
        assert missing(disk, acknowledged) == set()
        (disk / "other-data").unlink()
        await until(lambda: writer.accepting)
        await promised(writer, draft("ex_after"))

    with small_disk(tmp_path / "disk") as disk:
        (disk / "other-data").write_bytes(b"x" * 400_000)
        run(disk, fill)
        assert missing(disk, [*acknowledged, *refused, "ex_after"]) == set()
        reader = SegmentReader(disk)
        assert len(list(reader)) == len(acknowledged) + len(refused) + 1 and reader.unfinished == 0


def test_a_full_queue_refuses_and_counts(tmp_path: Path) -> None:
    folder = tmp_path / "log"

    async def work(writer: ExchangeWriter) -> None:
        writer.add(draft("ex_first"))
        await until(lambda: writer.kept == 1)
        shutil.move(folder, tmp_path / "elsewhere")
        writer.add(draft("ex_0"))
        await until(lambda: not writer.accepting)
        body = b'{"a":"' + b"x" * 100_000 + b'"}'
        for number in range(1, 10):
            writer.add(draft(f"ex_{number}", request=body))
        with pytest.raises(StorageError, match="bytes of exchanges wait for the disk already"):
            writer.add(draft("ex_10", request=body))
        assert writer.lost == 1 and writer.waiting_bytes <= 1 << 20
        shutil.move(tmp_path / "elsewhere", folder)
        await until(lambda: writer.accepting)

    run(folder, work, fsync="interval", interval_seconds=0.1, queue_bytes=1 << 20)
    assert ids(folder) == ["ex_first", *[f"ex_{number}" for number in range(10)]]


def test_requests_stop_before_the_queue_is_full(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        sizes = []
        while writer.accepting:
            # Without a turn of the loop, but the writer's thread may take some away meanwhile.
            writer.add(draft("ex_1", request=b'{"a":"' + b"x" * 200_000 + b'"}', incompressible=0))
            sizes.append(writer.waiting_bytes)
        assert sizes[-1] >= 0.75 * (1 << 20) and writer.lost == 0

    run(tmp_path, work, fsync="interval", interval_seconds=60.0, queue_bytes=1 << 20)


def test_one_exchange_larger_than_the_queue_is_taken_when_nothing_waits(tmp_path: Path) -> None:
    async def work(writer: ExchangeWriter) -> None:
        await promised(writer, draft("ex_1", request=b'{"a":"' + b"x" * (2 << 20) + b'"}'))

    assert run(tmp_path, work, queue_bytes=1 << 20).kept == 1


def test_closing_on_a_refusing_disk_says_what_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "log"

    async def work(writer: ExchangeWriter) -> None:
        await promised(writer, draft("ex_0"))
        shutil.move(folder, tmp_path / "elsewhere")
        for number in range(1, 4):
            writer.add(draft(f"ex_{number}"))
        await until(lambda: writer.failed is not None)
        with pytest.raises(StorageError, match=r"\(3 exchanges are lost\)"):
            await writer.close()
        assert writer.lost == 3

    run(folder, work, close=False)
    assert ids(tmp_path / "elsewhere") == ["ex_0"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_program_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    async def work(writer: ExchangeWriter) -> None:
        monkeypatch.setattr(writer._segments, "append", fail)
        with pytest.raises(StorageError, match="the exchange log has stopped"):
            await promised(writer, draft("ex_1"))
        assert not writer.accepting and writer.failed is not None and writer.lost == 1
        with pytest.raises(StorageError, match="is not running"):
            writer.add(draft("ex_2"))
        with pytest.raises(StorageError, match="has stopped"):
            await writer.close()

    run(tmp_path, work, close=False)


@pytest.mark.parametrize("privacy", ["scaffold", "none"])
def test_reduced_levels_write_no_content(tmp_path: Path, privacy: str) -> None:
    async def whole() -> None:
        writer = ExchangeWriter(
            log_settings(privacy=privacy), tmp_path, gateway="gw", clock=time.time, scaffold_secret=b"k" * 32
        )
        writer.start(asyncio.get_running_loop())
        await promised(writer, draft("ex_1"))
        await writer.close()

    asyncio.run(whole())
    [exchange] = SegmentReader(tmp_path)
    assert "stillhouse" not in json.dumps([exchange.request, exchange.response])
    assert exchange.extra["privacy"] == privacy
