"""However a log is cut into files, in whatever order they are read, and whatever stands in several: the same ticks.

Decisions are a function of the ticks, so nothing that is decided depends on how a log was stored.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Once, Ticks
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.replay.reading import Logs
from stillhouse.records import ExchangeLog
from stillhouse.types import Exchange
from tests.guard.detection import KEY, MINUTE, exchange

EXTRACTOR = Extractor(KEY, np.ones(BUCKETS, np.float32))
LATENESS = 10 * MINUTE
FILES = 3

# An exchange is asked in some second of two hours, and stands in a file as if it had ended so many seconds later; in
# several files, or several times in one.
COPIES = st.lists(st.tuples(st.integers(0, FILES - 1), st.integers(0, 599)), min_size=1, max_size=3)
LOGS = st.lists(st.tuples(st.integers(0, 7199), COPIES), min_size=1, max_size=25)


def asked(number: int, second: int) -> Exchange:
    time = f"2026-07-20T{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    return exchange(f"x{number}", time, f"a{number % 4}", f"question {number} about something or other")


def ticks(files: Sequence[Sequence[Exchange]]) -> tuple[list[list[Row]], int, int]:
    """What a replay of the files folds, how many duplicates it dropped, and how many came late."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jsonl" for number in range(len(files))]
        for path, part in zip(paths, files, strict=True):
            with ExchangeLog(path) as log:
                log.extend(part)
        logs = Logs(paths, LATENESS)
        cut = Ticks(2 * MINUTE, 5, Once(2 * LATENESS))
        return list(cut.cut(logs.rows(EXTRACTOR))), cut.once.duplicates, logs.late


@settings(max_examples=30, deadline=None)
@given(LOGS, st.permutations(range(FILES)))
def test_the_ticks_do_not_depend_on_how_a_log_is_stored(
    stored: list[tuple[int, list[tuple[int, int]]]], order: list[int]
) -> None:
    exchanges = [asked(number, second) for number, (second, _) in enumerate(stored)]
    whole, duplicates, late = ticks([sorted(exchanges, key=lambda one: one.time)])
    assert duplicates == late == 0 and sum(map(len, whole)) == len(exchanges)
    copies = [
        (second + delay, at, one)
        for one, (second, places) in zip(exchanges, stored, strict=True)
        for at, delay in places
    ]
    copies.sort(key=lambda copy: copy[:2])
    files = [[one for _, at, one in copies if at == file] for file in order]
    assert ticks(files) == (whole, len(copies) - len(exchanges), 0)
    # Joined first and read then, or the other way round.
    joined = [one for _, at, one in copies if at in order[:2]]
    assert ticks([joined, files[2]]) == (whole, len(copies) - len(exchanges), 0)
