"""Files and folders that may not be read. Root reads whatever there is, so for a moment the process is nobody."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["as_nobody", "open_folder"]

_NOBODY = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder for a test that anybody can reach, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Whoever is not root stays who he is: what has mode 0 is closed to him already."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)
