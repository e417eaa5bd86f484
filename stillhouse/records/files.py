"""Writes that are whole or not there, and the digests that prove what was read.

A run may be killed at any moment and a disk may fill up at any write. So a file is made beside its final
place and renamed into it, a line is appended in one write and taken back if the disk refuses part of it,
and a refusal is one line for the user instead of half a file.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError, RunFolderError, StorageError

__all__ = [
    "append_bytes",
    "append_jsonl",
    "check_free",
    "check_place",
    "create_for_append",
    "decode_line",
    "digest_file",
    "disk_errors",
    "encode_line",
    "lock_for_writing",
    "open_for_append",
    "read_errors",
    "sync_folder",
    "write_atomic",
    "write_json",
    "write_private",
]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_REMEDIES = {
    **dict.fromkeys(_FORBIDDEN, "choose a folder that you may write to"),
    errno.ENOENT: "make the folder first, or give a path in one that is there",
    errno.ENOTDIR: "a part of this path is a file; give a path in a folder",
    errno.EISDIR: "give the path of a file",
    errno.EEXIST: "give a path where nothing is yet",
    errno.ENAMETOOLONG: "give a shorter name",
}

_REMEDIES_OF_READING = {
    **dict.fromkeys(_FORBIDDEN, "give one that you may read, or let yourself read it"),
    errno.EISDIR: "give the path of a file",
    errno.ENOTDIR: "a part of this path is a file; give a path in a folder",
}


@contextmanager
def disk_errors(path: Path, wanted: int) -> Iterator[None]:
    """Turn a refused write of `wanted` bytes to `path` into a StorageError; other errors pass through."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            free = shutil.disk_usage(_existing(path.parent)).free
            raise StorageError(
                f"{path}: {error.strerror} while writing {wanted:,} bytes ({free:,} bytes free there); "
                "free space, raise the limit, or write to another disk"
            ) from error
        if error.errno in _REMEDIES:
            raise StorageError(f"{path}: {error.strerror}; {_REMEDIES[error.errno]}") from error
        raise


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn a refused look at `path`, or reading of it, into a RecordError."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES_OF_READING.get(error.errno or 0, "copy it again, or give another")
        raise RecordError(f"{path}: cannot be read ({error.strerror or error}); {remedy}") from None


def check_free(path: Path, option: str) -> None:
    """RunFolderError if something is at `path` already, so that it is not overwritten; an empty folder is nothing.

    `option` is where the user gave the path.
    """
    with disk_errors(path, 0):
        if not path.exists():
            return
        if not path.is_dir():
            raise RunFolderError(f"{path}: is there already; give a new {option}, or remove it")
        if any(path.iterdir()):
            raise RunFolderError(f"{path}: is not empty; give a new {option}, or remove it")


def check_place(path: Path, *, make_parents: bool) -> None:
    """StorageError if nothing can be made at `path`, so that a long computation does not find it out at its end.

    `make_parents`: missing folders above it will be made too. Leaves nothing there: a file without a name is tried,
    because permissions alone do not tell what /proc or a full disk refuses.
    """
    with disk_errors(path, 0):
        folder = _existing(path.parent) if make_parents else path.parent
        folder.stat()
        if not folder.is_dir():
            raise _refusal(errno.ENOTDIR)
        if not make_parents and path.is_dir():
            raise _refusal(errno.EISDIR)
        tempfile.TemporaryFile(dir=folder).close()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) so that `path` holds the old content or the new, never a part.

    The new content and the folder's entry are on disk (fsync) when this returns. Raises StorageError where
    the disk refuses; the old content stays and nothing is left beside it.
    """
    content = data.encode() if isinstance(data, str) else data
    with disk_errors(path, len(content)):
        # The thread is in the name too; what a killed process left under this very name is overwritten.
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            # Also when interrupted: the half-written file must not stay behind.
            draft.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_private(path: Path, data: bytes | str, *, replace: bool) -> None:
    """Write a secret to `path`, of mode 0600 from its first byte; whole or not there, as `write_atomic`.

    StorageError where the disk refuses, and, without `replace`, where something is at `path` already.
    """
    with disk_errors(path, len(data)), tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
        # In a folder of mode 0700 until its own mode is right.
        draft = Path(scratch, path.name)
        write_atomic(draft, data)
        draft.chmod(0o600)
        if replace:
            os.replace(draft, path)
        else:
            os.link(draft, path)  # a link never replaces what another has made meanwhile
        sync_folder(path.parent)


def write_json(path: Path, obj: Any) -> None:
    """Write `obj` as indented JSON, atomically. NaN and infinity are no JSON: ValueError."""
    write_atomic(path, json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def encode_line(obj: Any) -> bytes:
    """`obj` as one line of JSON Lines, newline included. NaN and infinity are no JSON: ValueError."""
    return json.dumps(obj, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def decode_line(line: bytes, place: str) -> Any:
    """The value of one JSON line of UTF-8, a byte order mark or none. RecordError opens with `place` (`file:line`)."""
    try:
        return _JSON.decode(line.decode("utf-8-sig").rstrip())
    except UnicodeDecodeError as error:
        raise RecordError(f"{place}: not UTF-8 text ({error.reason}); mend or remove the line") from None
    except json.JSONDecodeError as error:
        if b"\0" in line:
            raise RecordError(
                f"{place}: not UTF-8 text (it has zero bytes, as UTF-16 does); write it as UTF-8"
            ) from None
        raise RecordError(f"{place}: not JSON ({error.msg}, column {error.colno}); mend or remove the line") from None
    except _NoNumberError as error:
        raise RecordError(f"{place}: not JSON ({error} is no number of it); mend or remove the line") from None
    except (ValueError, RecursionError) as error:
        # JSON by its grammar, and still more than Python reads: an integer of thousands of digits, deep nesting.
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
        raise RecordError(f"{place}: not readable ({reason}); mend or remove the line") from None


class _NoNumberError(ValueError):
    pass


def _no_number(name: str) -> Any:
    raise _NoNumberError(name)


_JSON = json.JSONDecoder(parse_constant=_no_number)


def append_jsonl(path: Path, obj: Any, *, sync: bool = False, mode: int = 0o666) -> None:
    """Append one line in one write; with `sync` it is on disk when this returns. `mode` is that of a file that is made.

    A last line that a killed process left unfinished is cut off first: its append never returned. Raises
    StorageError and leaves the file as it was if the disk refuses, RecordError if another process is writing.
    """
    line = encode_line(obj)
    with disk_errors(path, len(line)):
        descriptor = open_for_append(path, mode)
        try:
            append_bytes(descriptor, path, line, sync=sync)
        finally:
            os.close(descriptor)


def lock_for_writing(descriptor: int, path: Path) -> None:
    """Hold `path` until the descriptor is closed; RecordError if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RecordError(f"{path}: another process is writing to it; give each process a file of its own") from None


def open_for_append(path: Path, mode: int = 0o666) -> int:
    """A locked descriptor at the end of the last whole line of `path`; the file is made if absent."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        lock_for_writing(descriptor, path)
        _end_last_line(descriptor)
    except (OSError, RecordError):
        os.close(descriptor)
        raise
    return descriptor


def create_for_append(path: Path, mode: int = 0o666) -> int:
    """A locked descriptor of a new, empty file; its entry in the folder is on disk. FileExistsError if there is one."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        lock_for_writing(descriptor, path)
        sync_folder(path.parent)
    except (OSError, RecordError):
        os.close(descriptor)
        raise
    return descriptor


def append_bytes(descriptor: int, path: Path, data: bytes, *, sync: bool) -> None:
    """Append all of `data` or, where the disk refuses a part, none of it (StorageError)."""
    size = os.fstat(descriptor).st_size
    with disk_errors(path, len(data)):
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if sync:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise


def digest_file(path: Path) -> str:
    """`sha256:<hex>` of the file's bytes."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _end_last_line(descriptor: int) -> None:
    """Cut an unfinished last line off; one that only lacks its newline (written by hand) gets it."""
    end = start = os.fstat(descriptor).st_size
    tail = b""
    while start > 0 and b"\n" not in tail:
        step = min(start, 1 << 16)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
    unfinished = tail[tail.rfind(b"\n") + 1 :]
    if not unfinished:
        return
    try:
        json.loads(unfinished)
    except ValueError:
        os.ftruncate(descriptor, end - len(unfinished))
    else:
        os.write(descriptor, b"\n")


def _refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def sync_folder(folder: Path) -> None:
    """Put the folder's entries on disk, so that a rename inside it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
