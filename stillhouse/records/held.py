"""A folder that a process holds as long as it lives: whatever kills it, others can tell that it is gone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["held", "taken_over"]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """By this process, beside others that hold it. OSError where it cannot be."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def taken_over(folder: Path) -> Iterator[None]:
    """By this process alone. BlockingIOError where another one holds it, OSError where it cannot be."""
    with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        yield


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
