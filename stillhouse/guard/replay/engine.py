"""Who makes the rows of a replay. Every engine gives the same rows in the same order; they differ in how fast."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.row import Row
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.replay.reading import Logs

__all__ = ["Engine", "Rows", "local_engine"]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of logs in the order of time and id, made by `workers` of an engine called `engine`."""

    engine: str
    workers: int
    rows: Iterator[Row]


Engine = Callable[[Logs, Reference], AbstractContextManager[Rows]]
"""Its context is as long as the rows are needed."""


@contextmanager
def local_engine(logs: Logs, reference: Reference) -> Iterator[Rows]:
    """This process makes them."""
    yield Rows("local", 1, logs.rows(Extractor(reference.key, reference.idf)))
