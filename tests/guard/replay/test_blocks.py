"""Logs cut into blocks: every entry once, in its order and with its number, whatever the format."""

from pathlib import Path

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.replay.blocks import blocks
from stillhouse.range.parquet import write_parquet
from stillhouse.records import ExchangeLog, microseconds
from tests.guard.detection import exchange

EXCHANGES = [
    exchange(f"e{number:05}", f"2026-07-20T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z", "a", "hello")
    for number in range(5000)
]


@pytest.fixture(scope="module", params=["log.jsonl", "log.jsonl.zst", "log.parquet"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / str(request.param)
    if path.suffix == ".parquet":
        write_parquet(path, EXCHANGES)  # row groups of 4,096
    else:
        with ExchangeLog(path) as log:
            log.extend(EXCHANGES)
    return path


def test_blocks_hold_the_entries_of_a_log(log: Path) -> None:
    cut = list(blocks(log))
    assert [entry for block in cut for entry in block.entries()] == list(ExchangeLog(log).entries())
    sizes = [len(list(block.entries())) for block in cut]
    assert sizes[0] == 64 and max(sizes) == 2048


def test_a_block_says_about_when_it_ends(log: Path) -> None:
    done = 0
    for block in blocks(log):
        done += len(list(block.entries()))
        last = microseconds(EXCHANGES[done - 1].time)
        assert last is not None and block.ends is not None and abs(block.ends - last) <= 2_000_000


def test_long_lines_make_short_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"".join(b'{"x": "%s"}\n' % (b"x" * 2_000_000) for _ in range(7)))
    assert [len(block.lines) for block in blocks(path)] == [3, 3, 1]
    assert [block.ends for block in blocks(path)] == [None, None, None]


def test_the_last_block_of_a_damaged_log_tells_of_the_fault(log: Path, tmp_path: Path) -> None:
    damaged = tmp_path / log.name
    content = bytearray(log.read_bytes())
    content[-20:] = b"\xff" * 20
    damaged.write_bytes(content)
    with pytest.raises(RecordError) as local:
        list(ExchangeLog(damaged))
    faults = []
    for block in blocks(damaged):
        try:
            list(ExchangeLog(damaged).exchanges(block.entries()))
        except RecordError as error:
            faults.append(str(error))
    assert faults == [str(local.value)]


def test_a_name_that_is_no_log_is_a_fault_like_any_other(tmp_path: Path) -> None:
    (block,) = blocks(tmp_path / "notes.txt")
    with pytest.raises(RecordError, match="not a log by its name"):
        block.entries()
