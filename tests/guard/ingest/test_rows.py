"""Files of every form, packed and not, give the same rows; broken ones say what is wrong."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from stillhouse.errors import RecordError
from stillhouse.guard.ingest import rows as module
from stillhouse.guard.ingest.outcome import Fault
from stillhouse.guard.ingest.rows import Row, read_rows

VALUES = [{"n": 1, "text": "é {"}, {"n": 2}]
LINES = "".join(json.dumps(value) + "\n" for value in VALUES)
PRETTY = "".join(json.dumps(value, indent=4) + "\n" for value in VALUES)


def values(path: Path, *, lines_only: bool = False, csv: bool = False) -> list[object]:
    return [row.value for row in read_rows(path, lines_only=lines_only, csv=csv) if isinstance(row, Row)]


@pytest.mark.parametrize("text", [LINES, PRETTY, json.dumps(VALUES), json.dumps(VALUES, indent=1), "\ufeff" + LINES])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_every_form_gives_the_same_rows(tmp_path: Path, text: str, suffix: str) -> None:
    path = tmp_path / f"log.json{suffix}"
    data = text.encode()
    if suffix == ".gz":
        data = gzip.compress(data)
    elif suffix == ".zst":
        pack = zstandard.ZstdCompressor().compress
        data = pack(data[:20]) + pack(data[20:])  # frames one after the other, as appended logs have them
    path.write_bytes(data)
    assert values(path) == VALUES


def test_rows_have_a_place_and_their_text(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(LINES)
    first, second = read_rows(path)
    assert isinstance(first, Row) and isinstance(second, Row)
    assert second.place == f"{path}:2" and second.raw == b'{"n": 2}'
    fault = second.fault(f"{path}:2: no")
    assert fault == Fault(f"{path}:2", "no", '{"n": 2}')


def test_one_row_a_line_when_the_source_says_so(tmp_path: Path) -> None:
    path = tmp_path / "envoy.log"
    path.write_text('[2026-07-24 08:15:30.125][1][info][main] starting\n{"n": 2}\n')
    fault, row = read_rows(path, lines_only=True)
    assert isinstance(fault, Fault) and fault.line.startswith("[2026") and fault.reason.startswith("not JSON")
    assert isinstance(row, Row) and row.value == {"n": 2}


def test_csv_only_where_the_source_has_it(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("n,text\n1,a\n")
    assert values(path, csv=True) == [{"n": "1", "text": "a"}]
    assert [type(row) for row in read_rows(path)] == [Fault, Fault]
    (row,) = read_rows(path, csv=True)
    assert isinstance(row, Row) and row.fault("no").line == '{"n":"1","text":"a"}'


def test_faults_keep_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n": "\xff"}\n{"n": 1}\n')
    fault, row = read_rows(path)
    assert isinstance(fault, Fault) and fault.line == '{"n": "\\xff"}'
    assert isinstance(row, Row)


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("log.jsonl.gz", gzip.compress(LINES.encode())[:-9], "cannot be unpacked"),
        ("log.jsonl.gz", b"plain", "cannot be unpacked"),
        ("log.jsonl.zst", b"plain", "cannot be unpacked"),
    ],
)
def test_broken_archives_end_the_reading(tmp_path: Path, name: str, data: bytes, line: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RecordError, match=line):
        list(read_rows(path))


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(RecordError, match=r"no such file; give the path of a log$"):
            list(read_rows(path))


def test_a_value_that_is_too_long_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.guard.ingest.json_values.LONGEST", 100)
    monkeypatch.setattr(module, "LONGEST", 100 << 20)
    path = tmp_path / "log.jsonl"
    path.write_text('{"n": 1}\n{"text": "' + "x" * 500 + '"}\n')
    with pytest.raises(RecordError, match=r"log.jsonl:2: one value of more than 100 MiB; split it, or leave it out$"):
        list(read_rows(path))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n \n")
    assert values(path) == [] and values(path, csv=True) == []
