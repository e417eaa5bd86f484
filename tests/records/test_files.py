"""Whole or not there: kills, refusing disks and torn lines. The refusals are real: a file size limit."""

import errno
import multiprocessing
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stillhouse.errors import RecordError, RunFolderError, StorageError
from stillhouse.records.files import (
    append_jsonl,
    check_free,
    check_place,
    create_for_append,
    decode_line,
    digest_file,
    disk_errors,
    open_for_append,
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


def test_wrong_path_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, words in (
        (tmp_path / "absent" / "x", "No such file or directory; make the folder first"),
        (tmp_path / "file" / "x", "Not a directory; a part of this path is a file; give a path in a folder"),
        (tmp_path, "Is a directory; give the path of a file"),
        (tmp_path / ("x" * 300), "File name too long; give a shorter name"),
    ):
        with pytest.raises(StorageError, match=f"^{path}: {words}"):
            write_atomic(path, b"x")
    with pytest.raises(StorageError, match="give a path where nothing is yet"), disk_errors(tmp_path / "file", 0):
        (tmp_path / "file").mkdir()


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), disk_errors(tmp_path, 0):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def test_a_place_is_checked_without_writing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_place(tmp_path / "x", make_parents=False)
    check_place(tmp_path / "file", make_parents=False)
    check_place(tmp_path / "a" / "b" / "x", make_parents=True)
    for path, make_parents, words in (
        (tmp_path / "a" / "x", False, "No such file or directory; make the folder first"),
        (tmp_path / "file" / "x", False, "Not a directory"),
        (tmp_path / "file" / "a" / "x", True, "Not a directory"),
        (tmp_path, False, "Is a directory"),
        (Path("/proc/x"), False, "No such file or directory"),
        (Path("/proc/a/x"), True, "No such file or directory"),
    ):
        with pytest.raises(StorageError, match=words):
            check_place(path, make_parents=make_parents)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_place_where_something_is_already_is_not_free(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    check_free(tmp_path / "none", "--out")
    check_free(folder, "--out")
    (folder / "x").touch()
    for path, what in ((file, "is there already"), (folder, "is not empty")):
        with pytest.raises(RunFolderError, match=f"^{path}: {what}; give a new --out, or remove it$"):
            check_free(path, "--out")
    with pytest.raises(StorageError, match="give a shorter name"):
        check_free(tmp_path / ("x" * 300), "--out")


def test_json_is_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"näme": [1, 2.5, None]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "näme": [\n    1,\n    2.5,\n    null\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    with pytest.raises(ValueError, match="JSON compliant"):
        append_jsonl(tmp_path / "c.jsonl", {"loss": float("inf")})
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": \n', r"not JSON \(Expecting value, column 6\)"),
        (b'{"a": 1, \r\n', r"not JSON \(.*, column 9\)"),
        (b'{"a"}', "not JSON"),
        (b'{"a": NaN}', r"not JSON \(NaN is no number of it\)"),
        ('{"a": 1}\n'.encode("utf-16-be"), r"not UTF-8 text \(it has zero bytes, as UTF-16 does\)"),
        (b'"\xff\xfe"\n', "not UTF-8"),
        (b"1" * 5000, r"not readable \(a number is too long\)"),
        (b"[" * 100_000, r"not readable \(nested too deeply\)"),
    ],
)
def test_faulty_line_is_named(line: bytes, words: str) -> None:
    with pytest.raises(RecordError, match=f"m.jsonl:3: {words}"):
        decode_line(line, "m.jsonl:3")


@pytest.mark.parametrize("length", [20, 100_000])
def test_unfinished_line_is_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": ' + b"2" * 0 + b'"' + b"x" * length)
    append_jsonl(path, {"step": 2})
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


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


def test_a_file_that_is_made_is_new_locked_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    held = create_for_append(path, 0o600)
    try:
        assert path.read_bytes() == b"" and stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(RecordError, match="another process is writing"):
            open_for_append(path)
        with pytest.raises(FileExistsError):
            create_for_append(path)
    finally:
        os.close(held)


def test_digest_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert digest_file(path) == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
