"""A folder that appears when it is whole: what fills it writes beside its place, and a rename puts it there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with disk_errors(path, 0):
        draft.mkdir(parents=True)
    try:
        yield draft
        with disk_errors(path, 0):
            os.rename(draft, path)
            sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
