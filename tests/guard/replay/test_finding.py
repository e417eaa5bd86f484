"""Which files of a folder are logs, and which logs are left out."""

from pathlib import Path

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.replay.finding import find_logs, passed_over
from stillhouse.records import ExchangeLog
from tests.forbidden import as_nobody, open_folder
from tests.guard.detection import exchange


def write(path: Path, id: str) -> Path:
    with ExchangeLog(path) as log:
        log.append(exchange(id, "2026-07-20T00:00:00Z", "a", "one two three four"))
    return path


def test_folders_give_their_logs_and_each_file_counts_once(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", "1")
    second = write(tmp_path / "b.jsonl.zst", "2")
    (tmp_path / "notes.txt").write_text("no log")
    assert find_logs([tmp_path, first]) == [first, second]
    with pytest.raises(RecordError, match=r"nowhere: no such log"):
        find_logs([tmp_path / "nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(RecordError, match="no log in this folder"):
        find_logs([empty])


def test_what_lies_beside_the_exchanges_of_a_folder_is_no_log(tmp_path: Path) -> None:
    log = write(tmp_path / "exchanges-0000.jsonl.zst", "1")
    (tmp_path / "labels.jsonl").write_text("{}\n")
    assert find_logs([tmp_path]) == [log]
    assert find_logs([tmp_path, tmp_path / "labels.jsonl"]) == [log, tmp_path / "labels.jsonl"]


def test_logs_that_are_named_otherwise_than_those_of_their_folder_are_told(tmp_path: Path) -> None:
    log = write(tmp_path / "exchanges-0000.jsonl.zst", "1")
    july, june = write(tmp_path / "july.jsonl", "2"), write(tmp_path / "june.jsonl.zst", "3")
    (tmp_path / "labels.jsonl").write_text('{"v": "stillhouse.label/1"}\n')
    (tmp_path / "notes.jsonl").write_text("no json\n")
    (tmp_path / "torn.parquet").write_text("no Parquet")
    assert passed_over([tmp_path], find_logs([tmp_path])) == [july, june]
    given = [tmp_path, july]
    assert passed_over(given, find_logs(given)) == [june] and find_logs(given) == [log, july]


def test_what_may_not_be_looked_at_is_one_line() -> None:
    remedy = r"cannot be read \(Permission denied\); give one that you may read, or let yourself read it$"
    with open_folder() as folder:
        closed = folder / "closed"
        write_to = closed / "exchanges-0000.jsonl"
        closed.mkdir()
        write(write_to, "1")
        closed.chmod(0)
        for given in (closed, write_to):
            with as_nobody(), pytest.raises(RecordError, match=f"{given}: {remedy}"):
                find_logs([given])


def test_a_log_beside_that_may_not_be_read_is_not_told_of() -> None:
    with open_folder() as folder:
        log = write(folder / "exchanges-0000.jsonl", "1")
        write(folder / "july.jsonl", "2").chmod(0)
        with as_nobody():
            assert passed_over([folder], [log]) == []
