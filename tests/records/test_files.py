"""Whole or not there: kills, refusing disks and torn lines. The refusals are real: a file size limit."""

import errno
import hashlib
import multiprocessing
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stillhouse.errors import RecordError, StorageError
from stillhouse.records.files import (
    append_jsonl,
    digest_file,
    digest_folder,
    disk_errors,
    open_for_append,
    read_jsonl,
    write_atomic,
    write_json,
)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow past `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_write_atomic_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomic(path, "old")
    write_atomic(path, "né".encode())
    assert path.read_text(encoding="utf-8") == "né"
    assert os.listdir(tmp_path) == ["state.json"]


def test_write_atomic_obeys_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "shared", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o640


def test_refused_write_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    write_atomic(path, b"good")
    with largest_file(1000), pytest.raises(StorageError) as caught:
        write_atomic(path, b"x" * 5000)
    message = str(caught.value)
    assert str(path) in message and "5,000 bytes" in message and "bytes free" in message and "\n" not in message
    assert path.read_bytes() == b"good"
    assert os.listdir(tmp_path) == ["weights.bin"]


def _overwrite_for_ever(path: Path) -> None:
    while True:
        write_atomic(path, b"a" * 300_000)
        write_atomic(path, b"b" * 300_000)


def test_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "whole.bin"
    write_atomic(path, b"a" * 300_000)
    for pause in (0.01, 0.03, 0.05):
        writer = multiprocessing.get_context("fork").Process(target=_overwrite_for_ever, args=(path,))
        writer.start()
        writer.join(pause)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        assert path.read_bytes() in (b"a" * 300_000, b"b" * 300_000)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_says_what_to_do(tmp_path: Path, code: int) -> None:
    words = r"while writing 10 bytes \([\d,]+ bytes free there\); free space"
    with pytest.raises(StorageError, match=words), disk_errors(tmp_path / "not" / "yet" / "made", 10):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_forbidden_folder_says_what_to_do(tmp_path: Path, code: int) -> None:
    with pytest.raises(StorageError, match="choose a folder that you may write to"), disk_errors(tmp_path / "x", 10):
        raise OSError(code, os.strerror(code))


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "absent" / "file", b"x")


def test_json_is_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"näme": [1, 2.5, None]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "näme": [\n    1,\n    2.5,\n    null\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    with pytest.raises(ValueError, match="JSON compliant"):
        append_jsonl(tmp_path / "c.jsonl", {"loss": float("inf")})
    assert os.listdir(tmp_path) == ["a.json"]


def test_lines_come_back_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    append_jsonl(path, {"step": 1}, sync=True)
    append_jsonl(path, {"text": "line\nbreak"})
    with path.open("ab") as file:
        file.write(b"\n[3]\n")
    assert list(read_jsonl(path)) == [(1, {"step": 1}), (2, {"text": "line\nbreak"}), (4, [3])]


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b'{"a": 1}\n{"a": \n', 2, "not JSON"),
        (b'{"a": 1}\n\n{"a"}', 3, "not JSON"),
        (b'"\xff\xfe"\n', 1, "not UTF-8"),
    ],
)
def test_faulty_line_is_named(tmp_path: Path, content: bytes, place: int, words: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=f"m.jsonl:{place}: {words}"):
        list(read_jsonl(path))


def test_absent_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.jsonl: no such file"):
        list(read_jsonl(tmp_path / "none.jsonl"))
    with pytest.raises(RecordError, match="is a folder"):
        list(read_jsonl(tmp_path))


@pytest.mark.parametrize("length", [20, 100_000])
def test_unfinished_line_is_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": ' + b"2" * 0 + b'"' + b"x" * length)
    append_jsonl(path, {"step": 2})
    assert [value for _, value in read_jsonl(path)] == [{"step": 1}, {"step": 2}]


def test_a_line_that_only_lacks_its_newline_stays(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}')
    append_jsonl(path, {"step": 2})
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


def test_refused_line_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    append_jsonl(path, {"step": 1})
    before = path.read_bytes()
    # The limit lies inside the second line, so the kernel takes a part of it first.
    with largest_file(len(before) + 10), pytest.raises(StorageError, match=r"m\.jsonl"):
        append_jsonl(path, {"text": "x" * 200})
    assert path.read_bytes() == before


def test_two_writers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    held = open_for_append(path)
    try:
        with pytest.raises(RecordError, match="another process is writing"):
            append_jsonl(path, {})
    finally:
        os.close(held)
    append_jsonl(path, {})
    assert path.read_bytes() == b"{}\n"


def test_digest_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert digest_file(path) == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "w.bin").write_bytes(b"abc")
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "note.txt").write_bytes(b"ignored")
    first = digest_folder(tmp_path, ["*.json", "**/*.bin"])
    stream = f"a.json\0{digest_file(tmp_path / 'a.json')}\0b/w.bin\0{digest_file(tmp_path / 'b' / 'w.bin')}\0"
    assert first == f"sha256:{hashlib.sha256(stream.encode()).hexdigest()}"
    assert digest_folder(tmp_path, ["**/*.bin", "*.json", "**/*.json"]) == first
    (tmp_path / "b" / "w.bin").rename(tmp_path / "b" / "v.bin")
    assert digest_folder(tmp_path, ["*.json", "**/*.bin"]) != first
    with pytest.raises(RecordError, match=r"no file that matches \*\.safetensors"):
        digest_folder(tmp_path, ["*.safetensors"])
