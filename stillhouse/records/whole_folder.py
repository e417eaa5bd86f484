"""A folder that appears when it is whole: what fills it writes beside its place, and a rename puts it there.

A process that is killed leaves its draft behind. Whoever makes the same folder next removes it: the draft has the
process's number in its name, and a lock that ends with the process, since a number may be another's by then.
"""

import fcntl
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stillhouse.records.files import check_free, check_place, disk_errors, sync_folder

__all__ = ["whole_folder"]


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """The folder to fill; it is at `path` when the block is over, and nowhere if the block raises.

    RunFolderError if something is at `path` already, StorageError if nothing can be made there.
    """
    check_free(path, "--out")
    check_place(path, make_parents=True)
    _remove_abandoned(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with disk_errors(path, 0):
        draft.mkdir(parents=True)
    try:
        with _held(draft):
            yield draft
            with disk_errors(path, 0):
                os.rename(draft, path)
                sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


@contextmanager
def _held(draft: Path, how: int = fcntl.LOCK_SH) -> Iterator[None]:
    """OSError where it cannot be held."""
    descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    """Remove drafts of `path` whose process is no more."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.new"):
        number = draft.name.removeprefix(f".{path.name}.").removesuffix(".new")
        if number.isdecimal() and not _is_running(int(number)):
            # Where it is held, by a process of another machine or container that shares the disk, it stays.
            with suppress(OSError), _held(draft, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(draft)


def _is_running(number: int) -> bool:
    """Whether another process has that number."""
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return number != os.getpid()
