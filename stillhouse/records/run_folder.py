"""One run, one folder, one process.

A folder appears only once its `resolved.yaml` is inside: it is filled under another name beside its place
and renamed, so input that turns out to be bad leaves nothing behind, and of two processes that want the same
place exactly one gets it. The rename is the arbiter for new folders; a lock on `run.json` is it for old ones.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stillhouse.errors import RunFolderError
from stillhouse.records.files import check_place, disk_errors, sync_folder, write_atomic, write_json
from stillhouse.records.provenance import commit, versions

__all__ = ["RunFolder", "claim"]

_MARKER = "run.json"


class RunFolder:
    """A claimed place for a run of one kind. Use as a context manager: leaving it frees the lock.

    `path`      where the run lives (does not exist before `begin`, unless resumed)
    `resumed`   True if the folder holds an earlier part of this run
    """

    def __init__(self, path: Path, kind: str, *, resumed: bool, lock: int | None) -> None:
        self.path = path
        self.kind = kind
        self.resumed = resumed
        self._lock = lock

    def begin(self, resolved: str, more: Mapping[str, Any] | None = None) -> None:
        """Make the folder with `resolved.yaml` and `run.json` (kind, versions, commit) inside, and lock it.

        `more` are further JSON files, by name.

        On a resumed folder nothing is made: what the run began with stays. Raises RunFolderError if the
        place was taken since the claim, StorageError if the disk refuses.
        """
        if self.resumed:
            return
        with disk_errors(self.path, len(resolved)):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
            draft.mkdir(exist_ok=True)
        try:
            with disk_errors(self.path, len(resolved)):
                write_atomic(draft / "resolved.yaml", resolved)
                about = {"v": "stillhouse.run/1", "kind": self.kind, "versions": versions(), "commit": commit()}
                for name, content in {**(more or {}), _MARKER: about}.items():
                    write_json(draft / name, content)
            self._lock = _lock(draft / _MARKER, self.path)
            _rename(draft, self.path)
        except BaseException:
            self.release()
            shutil.rmtree(draft)
            raise
        sync_folder(self.path.parent)

    def release(self) -> None:
        """Let another process go on with the run."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def claim(path: Path, kind: str, resume: bool) -> RunFolder:
    """A place for a run of `kind` at `path`; writes nothing, so it can come before every other check.

    An absent or empty folder is free, also with `resume`: a run killed before its folder was made has lost
    nothing and starts from the beginning. Raises RunFolderError if the folder holds a run and `resume` is
    False, a run of another kind, other files, or a run that another process is working on; StorageError if the
    place cannot be written to.
    """
    check_place(path, make_parents=True)
    with disk_errors(path, 0):
        return _claim(path, kind, resume)


def _claim(path: Path, kind: str, resume: bool) -> RunFolder:
    if path.exists() and not path.is_dir():
        raise RunFolderError(f"{path}: is a file, not a folder; give another --out")
    names = sorted(entry.name for entry in path.iterdir()) if path.exists() else []
    if not names:
        return RunFolder(path, kind, resumed=False, lock=None)
    if _MARKER not in names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise RunFolderError(f"{path}: holds other files ({shown}) and no run; give a new or empty --out")
    found = _kind_of(path / _MARKER)
    if found != kind:
        raise RunFolderError(f"{path}: holds a run of `{found}`, not of `{kind}`; give another --out")
    if not resume:
        raise RunFolderError(f"{path}: already holds a run; go on with it (--resume) or give another --out")
    return RunFolder(path, kind, resumed=True, lock=_lock(path / _MARKER, path))


def _kind_of(marker: Path) -> str:
    try:
        return str(json.loads(marker.read_text(encoding="utf-8"))["kind"])
    except (ValueError, KeyError, TypeError):
        raise RunFolderError(f"{marker}: does not say what kind of run this is; give another --out") from None


def _lock(marker: Path, place: Path) -> int:
    descriptor = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RunFolderError(f"{place}: another process is working on this run; wait for it or stop it") from None
    return descriptor


def _rename(draft: Path, path: Path) -> None:
    try:
        os.rename(draft, path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise RunFolderError(f"{path}: was filled by another process meanwhile; give another --out") from None
        raise
