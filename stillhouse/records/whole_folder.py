"""A folder that appears when it is whole: what fills it writes beside its place, and a rename puts it there.

A process that is killed leaves its draft behind. Whoever makes the same folder next removes it: the draft has the
process's number in its name, and a lock that ends with the process, since a number may be another's by then. Who finds
a draft that is held does not begin. Of two that began at once the later one has its result beside the other's.
"""

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillhouse.errors import RunFolderError
from stillhouse.records.files import check_free, check_place, disk_errors, sync_folder
from stillhouse.records.held import held, taken_over

__all__ = ["whole_folder"]

_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """The folder to fill; it is at `path` when the block is over, and nowhere if the block raises.

    RunFolderError if something is at `path` already, another process makes it, or it was there first: then this one is
    beside it. StorageError if nothing can be made there.
    """
    check_free(path, "--out")
    check_place(path, make_parents=True)
    _look_at_drafts(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with disk_errors(path, 0):
        draft.mkdir(parents=True)
    try:
        with held(draft):
            yield draft
            with disk_errors(path, 0):
                _put(draft, path)
                sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _put(draft: Path, path: Path) -> None:
    try:
        os.rename(draft, path)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        os.rename(draft, beside)
        raise RunFolderError(
            f"{path}: another process put something there first; this one's result is whole and stands in {beside}"
        ) from None


def _look_at_drafts(path: Path) -> None:
    """Remove drafts of `path` whose process is no more. RunFolderError where one is still being made."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.new"):
        number = draft.name.removeprefix(f".{path.name}.").removesuffix(".new")
        if not number.isdecimal():
            continue
        try:
            with taken_over(draft):
                if not _is_running(int(number)):
                    shutil.rmtree(draft)
        except BlockingIOError:
            # Its process may be of another machine or container that shares the disk.
            raise RunFolderError(
                f"{path}: process {number} is making it now; wait for that one, or give a new --out"
            ) from None
        except OSError:
            continue


def _is_running(number: int) -> bool:
    """Whether another process has that number."""
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return number != os.getpid()
