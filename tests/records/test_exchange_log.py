"""Logs that only grow: round trips, torn ends at every byte, one writer, lines set aside."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from stillhouse.errors import RecordError, StorageError
from stillhouse.records.exchange import exchange_from_record, exchange_to_record
from stillhouse.records.exchange_log import ExchangeLog, RejectedLines
from stillhouse.records.files import digest_file
from stillhouse.types import Exchange
from tests.forbidden import as_nobody, open_folder
from tests.records.test_exchange import FULL
from tests.records.test_files import largest_file

SUFFIXES = [".jsonl", ".jsonl.zst"]


def exchange(number: int) -> Exchange:
    return Exchange(
        id=f"ex_{number}",
        time=f"2026-07-24T08:15:{number % 60:02d}Z",
        account="acct_1",
        model="m",
        api="chat.completions",
        request={"messages": [{"role": "user", "content": f"né {number}\n" * 20}]},
        response=None,
        status=429,
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_appended_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log{suffix}"
    with ExchangeLog(path) as log:
        log.append(exchange(0))
        log.extend([exchange(1), exchange(2)], sync=True)
        assert [entry.id for entry in log] == ["ex_0", "ex_1", "ex_2"]
    with ExchangeLog(path) as log:
        log.append(exchange(3))
    assert list(ExchangeLog(path)) == [exchange(number) for number in range(4)]


def test_long_zstd_logs_are_cut_into_frames_and_pack_well(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    many = [exchange(number) for number in range(9000)]
    with ExchangeLog(path) as log:
        log.extend(many)
    content = path.read_bytes()
    assert content.count(zstandard.FRAME_HEADER) == 4
    assert len(content) < 0.05 * sum(len(json.dumps(exchange_to_record(entry))) for entry in many)
    assert list(ExchangeLog(path)) == many


def test_an_interrupted_append_loses_nothing_before_it(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        whole = tmp_path / f"whole{suffix}"
        with ExchangeLog(whole) as log:
            log.append(exchange(0))
            first = whole.stat().st_size
            log.append(exchange(1))
        content = whole.read_bytes()
        torn = tmp_path / f"torn{suffix}"
        for cut in range(first, len(content)):
            torn.write_bytes(content[:cut])
            rejected = RejectedLines(tmp_path / "rejected.jsonl")
            found = [entry.id for entry in ExchangeLog(torn, rejected=rejected)]
            assert found in (["ex_0"], ["ex_0", "ex_1"]), (suffix, cut)
            # What was begun is either whole or reported.
            assert len(found) + len(rejected.unfinished) >= (1 if cut == first else 2), (suffix, cut)
            assert rejected.count == 0
            with ExchangeLog(torn) as log:
                log.append(exchange(2))
            assert [entry.id for entry in ExchangeLog(torn)] == [*found, "ex_2"], (suffix, cut)


def test_strict_reading_names_the_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    with ExchangeLog(path) as log:
        log.append(exchange(0))
        log.append(exchange(1))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RecordError, match=r"log\.jsonl\.zst:\d: the log ends inside a zstd frame"):
        list(ExchangeLog(path))


def test_faulty_lines_are_fatal_or_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    good = json.dumps(FULL)
    path.write_text("\n".join([good, "", '{"v": ', good.replace("exchange/1", "exchange/2"), good]) + "\n")
    with pytest.raises(RecordError, match=r"log\.jsonl:3: not JSON"):
        list(ExchangeLog(path))
    for _ in range(2):
        rejected = RejectedLines(tmp_path / "rejected.jsonl")
        assert len(list(ExchangeLog(path, rejected=rejected))) == 2
        assert rejected.count == 2
        aside = [json.loads(line) for line in rejected.path.read_text().splitlines()]
        assert [entry["place"] for entry in aside] == [f"{path}:3", f"{path}:4"]
        assert aside[0]["line"] == '{"v": ' and aside[1]["reason"].startswith("version (`v`)")


def test_a_flawless_log_leaves_no_rejected_file(tmp_path: Path) -> None:
    with ExchangeLog(tmp_path / "log.jsonl", rejected=RejectedLines(tmp_path / "rejected.jsonl")) as log:
        log.append(exchange(0))
        assert len(list(log)) == 1
    assert os.listdir(tmp_path) == ["log.jsonl"]


@pytest.mark.parametrize("rejects", [False, True])
def test_a_flipped_byte_inside_is_always_fatal(tmp_path: Path, rejects: bool) -> None:
    path = tmp_path / "log.jsonl.zst"
    with ExchangeLog(path) as log:
        log.append(exchange(0))
        log.append(exchange(1))
    content = bytearray(path.read_bytes())
    content[30] ^= 0xFF
    path.write_bytes(content)
    rejected = RejectedLines(tmp_path / "rejected.jsonl") if rejects else None
    with pytest.raises(RecordError, match="corrupt zstd data"):
        list(ExchangeLog(path, rejected=rejected))


def test_a_writer_does_not_cut_what_is_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    with ExchangeLog(path) as log:
        log.append(exchange(0))
    spoilt = path.read_bytes() + b"a note"
    path.write_bytes(spoilt)
    with pytest.raises(RecordError, match="no zstd frame at byte"):
        ExchangeLog(path).append(exchange(1))
    assert path.read_bytes() == spoilt


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_writer_at_a_time(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log{suffix}"
    with ExchangeLog(path) as log:
        log.append(exchange(0))
        with pytest.raises(RecordError, match="another process is writing to it"):
            ExchangeLog(path).append(exchange(1))
    with ExchangeLog(path) as log:
        log.append(exchange(1))
    assert len(list(ExchangeLog(path))) == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_refused_append_is_taken_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log{suffix}"
    with ExchangeLog(path) as log:
        log.append(exchange(0))
        with largest_file(path.stat().st_size + 20), pytest.raises(StorageError):
            log.append(exchange(1))
        log.append(exchange(2))
    assert [entry.id for entry in ExchangeLog(path)] == ["ex_0", "ex_2"]


def test_frames_of_other_programs_are_read(tmp_path: Path) -> None:
    """Streaming writers: many blocks, no checksum, no content size; then one of ours behind it."""
    path = tmp_path / "log.jsonl.zst"
    line = json.dumps(FULL).encode() + b"\n"
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file, closefd=False) as writer:
        for _ in range(500):
            writer.write(line)
            writer.flush(zstandard.FLUSH_BLOCK)
    with ExchangeLog(path) as log:
        log.append(exchange(7))
    assert [entry.id for entry in ExchangeLog(path)] == ["ex_01J"] * 500 + ["ex_7"]


def test_a_killed_streaming_writer_keeps_its_whole_lines(tmp_path: Path) -> None:
    """One frame for the whole log, flushed after each line, and never ended."""
    path = tmp_path / "log.jsonl.zst"
    line = json.dumps(FULL).encode() + b"\n"
    compressor = zstandard.ZstdCompressor().compressobj()
    content = b"".join(
        compressor.compress(line) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for _ in range(9)
    )
    path.write_bytes(content[:-5])
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    assert len(list(ExchangeLog(path, rejected=rejected))) == 8 and len(rejected.unfinished) == 1
    with ExchangeLog(path) as log:
        log.append(exchange(7))
    assert [entry.id for entry in ExchangeLog(path)] == ["ex_01J"] * 8 + ["ex_7"]


def test_digest_is_that_of_the_file(tmp_path: Path) -> None:
    with ExchangeLog(tmp_path / "log.jsonl") as log:
        log.append(exchange(0))
    assert log.digest() == digest_file(tmp_path / "log.jsonl")


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.zst", "log.parquet"])
def test_a_log_that_may_not_be_read_is_one_line(name: str) -> None:
    with open_folder() as folder:
        path = folder / name
        path.touch(mode=0)
        log = ExchangeLog(path)
        for read in (lambda: list(log), log.digest):
            with as_nobody(), pytest.raises(RecordError, match=r"Permission denied.*give") as raised:
                read()
            assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


def test_a_folder_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    fault = r"log.jsonl: cannot be read \(Is a directory\); give the path of a file"
    with pytest.raises(RecordError, match=fault):
        ExchangeLog(tmp_path / "log.jsonl").digest()


def test_names_that_are_no_log(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"must end in \.jsonl, \.jsonl\.zst or \.parquet"):
        ExchangeLog(tmp_path / "log.txt")
    with pytest.raises(RecordError, match="no such log"):
        list(ExchangeLog(tmp_path / "log.jsonl"))


def parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_parquet_with_structs_and_with_json_text(tmp_path: Path) -> None:
    wanted = exchange_to_record(exchange_from_record(FULL, "full"))
    structs = parquet(tmp_path / "structs.parquet", [dict(FULL)])
    # A struct has every key of its column; null ones inside it stay null, as in the JSON line.
    assert [exchange_to_record(entry) for entry in ExchangeLog(structs)] == [wanted]
    as_text = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in FULL.items()}
    text = parquet(tmp_path / "text.parquet", [as_text])
    assert [exchange_to_record(entry) for entry in ExchangeLog(text)] == [wanted]


def test_parquet_faults_are_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "log.parquet", [dict(FULL), {**FULL, "account": None}])
    with pytest.raises(RecordError, match=r"log\.parquet:2: field 'account' is missing"):
        list(ExchangeLog(path))
    with pytest.raises(RecordError, match="Parquet logs are only read"):
        ExchangeLog(path).append(exchange(0))
    path.write_bytes(b"PAR0")
    with pytest.raises(RecordError, match="not a Parquet file"):
        list(ExchangeLog(path))


def test_parquet_timestamps_are_times(tmp_path: Path) -> None:
    moment = datetime(2026, 7, 24, 8, 15, 30, 125000, tzinfo=UTC)
    for name, value in (("zoned", moment), ("naive", moment.replace(tzinfo=None))):
        path = parquet(tmp_path / f"{name}.parquet", [{**FULL, "time": value}])
        assert next(iter(ExchangeLog(path))).time == "2026-07-24T08:15:30.125000Z"


def test_a_log_that_is_cut_off_tells_how_much_was_read_and_where_it_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    lines = b"".join(
        json.dumps({**FULL, "id": f"x{at}", "key": f"{at * 7919 % 65537:x}" * 40}).encode() + b"\n"
        for at in range(9000)
    )
    path.write_bytes(zstandard.ZstdCompressor().compress(lines)[:-9000])
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    found = list(ExchangeLog(path, rejected=rejected))
    assert 0 < len(found) < 9000 and rejected.count == 0 and rejected.first is None
    place = f"{path}:{len(found) + 1}: the log ends inside a zstd frame (an interrupted write or copy)"
    (told,) = rejected.unfinished
    assert told.startswith(f"{place}, {len(found):,} lines were read; copy it again")
    assert not rejected.path.exists()


@pytest.mark.parametrize("parts", [False, True])
def test_a_log_that_ends_inside_a_line_is_cut_off(tmp_path: Path, parts: bool) -> None:
    path = tmp_path / "log.jsonl"
    line = json.dumps(FULL)
    path.write_text(f"no json\n{line}\n{line[:-9]}")
    whole = RejectedLines(tmp_path / "rejected.jsonl")
    assert len(list(ExchangeLog(path, rejected=whole.part(0) if parts else whole))) == 1
    whole.join()
    assert whole.unfinished[0].startswith(
        f"{path}:3: the log ends inside a line (an interrupted write or copy), 2 lines"
    )
    assert whole.count == 1 and str(whole.first).startswith(f"{path}:1: not JSON")
    with pytest.raises(RecordError, match="ends inside a line"):
        path.write_text(line[:-9])
        list(ExchangeLog(path))
    path.write_text(f"{line}\n{line}")
    assert len(list(ExchangeLog(path))) == 2, "only its newline is missing"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_no_other_encoding_is_guessed(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "log.jsonl"
    line = json.dumps({**FULL, "account": "Zoë"}, ensure_ascii=False)
    path.write_bytes(f"{line}\n{line}\n".encode(encoding))
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    assert list(ExchangeLog(path, rejected=rejected)) == [] and "not UTF-8 text" in str(rejected.first)
    path.write_bytes(f"{line}\n".encode("utf-8-sig"))
    assert [one.account for one in ExchangeLog(path)] == ["Zoë"]


def test_what_is_set_aside_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        rejected = RejectedLines(tmp_path / "rejected.jsonl")
        rejected.part(1).add("b:1", "why", "what somebody asked")
        assert (tmp_path / "rejected.jsonl.1").stat().st_mode & 0o777 == 0o600
        rejected.join()
    finally:
        os.umask(before)
    assert rejected.path.stat().st_mode & 0o777 == 0o600 and rejected.first == "b:1: why"


def test_a_name_that_utf_8_does_not_have_is_set_aside_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    faulty = [{**FULL, "account": "a\ud800"}, {**FULL, "registration": {"plan": "\udfff"}}]
    asked = {**FULL, "request": {"messages": [{"role": "user", "content": "half of a pair \ud83d"}]}}
    path.write_text("".join(json.dumps(one) + "\n" for one in (*faulty, asked, {**FULL, "account": "né"})))
    rejected = RejectedLines(tmp_path / "rejected.jsonl")
    assert [one.account for one in ExchangeLog(path, rejected=rejected)] == [FULL["account"], "né"]
    reasons = [json.loads(line) for line in rejected.path.read_text().splitlines()]
    assert [one["place"] for one in reasons] == [f"{path}:1", f"{path}:2"]
    assert reasons[0]["reason"].startswith(r"field 'account' is 'a\ud800'; it must be text without lone surrogates")
    assert "field 'registration.plan'" in reasons[1]["reason"]


def test_a_line_without_a_version_is_told_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({name: value for name, value in FULL.items() if name != "v"}) + "\n")
    with pytest.raises(RecordError, match=r"log\.jsonl:1: field 'v' is missing; give every exchange .*guard ingest"):
        list(ExchangeLog(path))
