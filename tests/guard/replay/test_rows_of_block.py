"""A block's rows are those of its exchanges, and what is faulty among them keeps its place."""

from pathlib import Path

import numpy as np
import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.replay.blocks import Block, blocks
from stillhouse.guard.replay.reading import Logs
from stillhouse.guard.replay.rows_of_block import placed, rows_of_block, unpacked
from stillhouse.records import ExchangeLog, RejectedLines
from tests.guard.detection import KEY, exchange

EXTRACTOR = Extractor(KEY, np.ones(BUCKETS, np.float32))
CLIENT = {"ip": "198.51.100.7"}
ONE, TWO = (exchange(id, "2026-07-20T00:00:01Z", "a", "one two three four", client=CLIENT) for id in ("1", "2"))


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    with ExchangeLog(path) as log:
        log.append(ONE)
    with path.open("a") as file:
        file.write("no json\n")
    with ExchangeLog(path) as log:
        log.append(TWO)
    return path


def test_rows_and_faulty_lines_come_in_the_order_of_the_log(faulty: Path, tmp_path: Path) -> None:
    (block,) = blocks(faulty)
    made = rows_of_block(block, EXTRACTOR)
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    logs = Logs([faulty], 0, rejected)
    rows = unpacked(made, logs)
    assert next(rows) == (EXTRACTOR.row(ONE, 1784505601000000), 1784505601000000) and rejected.count == 0
    assert next(rows) == (EXTRACTOR.row(TWO, 1784505601000000), 1784505601000000) and rejected.count == 1
    assert '"place": "' + f"{faulty}:2" in rejected.path.read_text() and list(rows) == []
    assert "client.ip" not in logs.absent and "client.ja4" in logs.absent


def test_a_faulty_line_is_fatal_where_the_reader_is_strict(faulty: Path) -> None:
    (block,) = blocks(faulty)
    with pytest.raises(RecordError) as local:
        list(Logs([faulty], 0).rows(EXTRACTOR))
    with pytest.raises(RecordError) as here:
        list(unpacked(rows_of_block(block, EXTRACTOR), Logs([faulty], 0)))
    assert str(here.value) == str(local.value)


def test_a_block_that_cannot_be_read_is_a_fault_behind_its_rows(tmp_path: Path) -> None:
    made = rows_of_block(Block(tmp_path / "log.jsonl", fault="log.jsonl: damaged"), EXTRACTOR)
    with pytest.raises(RecordError, match=r"^log\.jsonl: damaged$"):
        list(unpacked(made, Logs([], 0)))


def test_a_row_that_came_late_counts_later_and_is_the_same_otherwise() -> None:
    row = EXTRACTOR.row(ONE, 5)
    assert placed(row, 5) is row
    assert placed(row, 9) == EXTRACTOR.row(ONE, 9)
