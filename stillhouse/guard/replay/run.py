"""One replay: logs and a reference in, a folder out that appears only when it is whole."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stillhouse.config import dump
from stillhouse.guard.decide.decision import Decision
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.left_alone import drift
from stillhouse.guard.detect.ordered import Once, Ticks
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.replay.engine import Engine, local_engine
from stillhouse.guard.replay.finding import find_logs, passed_over
from stillhouse.guard.replay.reading import Logs
from stillhouse.guard.replay.records import account_records, campaign_records, evidence_records, own_records, populated
from stillhouse.records import (
    RejectedLines,
    commit,
    disk_errors,
    peak_memory_bytes,
    versions,
    whole_folder,
    write_atomic,
    write_json,
)
from stillhouse.records.files import encode_line

__all__ = ["Progress", "replay"]

Progress = Callable[[str], None]


def replay(
    given: Sequence[Path],
    reference: Reference,
    out: Path,
    settings: DetectSettings,
    *,
    strict: bool = False,
    progress: Progress = lambda text: None,
    engine: Engine = local_engine,
) -> dict[str, Any]:
    """Replay logs against a reference and write `out`; the summary. What is decided does not depend on the `engine`.

    RecordError for what cannot be read (with `strict` for the first faulty line), RunFolderError where `out` is taken,
    StorageError where the disk refuses. Nothing is left behind then.
    """
    files = find_logs(given)
    with whole_folder(out) as draft:
        rejected = RejectedLines(draft / "rejected.jsonl")
        logs = Logs(files, settings.lateness, None if strict else rejected, passed_over=passed_over(given, files))
        asked = time.monotonic()
        with engine(logs, reference) as made:
            started = time.monotonic()
            detector, decisions, once = _fold(made.rows, reference, settings, progress)
            seconds = time.monotonic() - started
        logs.check()
        summary = _summary(detector, logs, once) | {
            "decisions": len(decisions),
            "engine": made.engine,
            "workers": made.workers,
            "start_seconds": started - asked,
            "seconds": seconds,
            "exchanges_per_second": logs.exchanges / seconds,
        }
        with disk_errors(out, 1 << 24):
            _lines(draft / "decisions.jsonl", (decision.as_record() for decision in decisions))
            _lines(draft / "accounts.jsonl", account_records(detector))
            _lines(draft / "campaigns.jsonl", campaign_records(detector))
            _lines(draft / "evidence.jsonl", evidence_records(detector))
            _lines(draft / "alone.jsonl", own_records(detector))
            write_atomic(draft / "resolved.yaml", dump(settings))
            write_json(draft / "summary.json", summary)
    return summary


def _fold(
    rows: Iterator[Row], reference: Reference, settings: DetectSettings, progress: Progress
) -> tuple[Detector, list[Decision], Once]:
    """The detector after the last row, all decisions, and what tells which rows came twice."""
    detector = Detector(reference, settings)
    ticks = Ticks.of(settings)
    decisions: list[Decision] = []
    seen = 0
    for tick in ticks.cut(rows):
        decisions += detector.fold(tick)
        seen += len(tick)
        progress(f"{seen:,} exchanges, {len(detector.population.accounts):,} accounts, {len(decisions):,} decisions")
    return detector, decisions, ticks.once


def _summary(detector: Detector, logs: Logs, once: Once) -> dict[str, Any]:
    actions = Counter(taken.action for taken in detector.actions.values())
    return {
        "v": "stillhouse.replay/1",
        "logs": logs.digests(),
        "reference": detector.reference.digest,
        **logs.told(once),
        "accounts": len(detector.population.accounts),
        "campaigns": len(populated(detector)),
        "groups_looked_at": sum(bool(case.looks) for case in detector.cases.values()),
        "actions": dict(sorted(actions.items())),
        "pending": sum(taken.review == "pending" for taken in detector.actions.values()),
        "drift": drift(detector).as_record(),
        "peak_memory_bytes": peak_memory_bytes(),
        "versions": versions(),
        "commit": commit(),
    }


def _lines(path: Path, records: Iterable[Any]) -> None:
    write_atomic(path, b"".join(encode_line(record) for record in records))
