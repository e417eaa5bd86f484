"""One replay: logs and a reference in, a folder out that appears only when it is whole."""

import os
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhouse.config import dump
from stillhouse.guard.decide.decision import Decision
from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Ticks
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.reference.reference import Reference
from stillhouse.guard.replay.reading import Logs, find_logs
from stillhouse.guard.replay.records import account_records, campaign_records, evidence_records
from stillhouse.records import RejectedLines, claim, commit, disk_errors, versions, write_atomic, write_json
from stillhouse.records.files import encode_line, sync_folder

__all__ = ["Progress", "replay"]

Progress = Callable[[str], None]
_REMEMBER = 2


@dataclass(frozen=True, slots=True)
class _Folded:
    detector: Detector
    decisions: list[Decision]
    duplicates: int
    first: int | None
    last: int | None


def replay(
    given: Sequence[Path],
    reference: Reference,
    out: Path,
    settings: DetectSettings,
    *,
    strict: bool = False,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Replay logs against a reference and write `out`; the summary.

    RecordError for what cannot be read (with `strict` for the first faulty line), RunFolderError where `out` is taken,
    StorageError where the disk refuses. Nothing is left behind then.
    """
    files = find_logs(given)
    claim(out, "guard.replay", resume=False).release()
    started = time.monotonic()
    draft = out.with_name(f".{out.name}.{os.getpid()}.new")
    with disk_errors(out, 1 << 20):
        draft.mkdir(parents=True)
    try:
        rejected = RejectedLines(draft / "rejected.jsonl")
        logs = Logs(files, int(settings.lateness_seconds * 1e6), None if strict else rejected)
        rows = logs.rows(Extractor(reference.key, reference.idf))
        folded = _fold(rows, reference, settings, progress)
        seconds = time.monotonic() - started
        summary = _summary(folded, logs, rejected, seconds)
        with disk_errors(out, 1 << 24):
            _write(draft, folded, settings, summary)
            if out.is_dir():
                out.rmdir()
            os.rename(draft, out)
            sync_folder(out.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return summary


def _fold(rows: Iterator[Row], reference: Reference, settings: DetectSettings, progress: Progress) -> _Folded:
    detector = Detector(reference, settings)
    ticks = Ticks(
        int(settings.tick_seconds * 1e6),
        settings.tick_exchanges,
        _REMEMBER * int(settings.lateness_seconds * 1e6),
    )
    decisions: list[Decision] = []
    seen, first, last = 0, None, None
    for tick in ticks.cut(rows):
        decisions += detector.fold(tick)
        first = tick[0].at if first is None else first
        last = tick[-1].at
        seen += len(tick)
        progress(f"{seen:,} exchanges, {len(detector.population.accounts):,} accounts, {len(decisions):,} decisions")
    return _Folded(detector, decisions, ticks.duplicates, first, last)


def _summary(folded: _Folded, logs: Logs, rejected: RejectedLines, seconds: float) -> dict[str, Any]:
    detector = folded.detector
    actions = Counter(taken.action for taken in detector.actions.values())
    return {
        "v": "stillhouse.replay/1",
        "logs": logs.digests(),
        "reference": detector.reference.digest,
        "exchanges": logs.exchanges,
        "duplicates": folded.duplicates,
        "late": logs.late,
        "rejected": rejected.count,
        "accounts": len(detector.population.accounts),
        "campaigns": len(detector.campaigns),
        "groups_looked_at": sum(bool(case.looks) for case in detector.cases.values()),
        "decisions": len(folded.decisions),
        "actions": dict(sorted(actions.items())),
        "absent": sorted(logs.absent),
        "seconds": seconds,
        "exchanges_per_second": logs.exchanges / seconds if seconds else None,
        "peak_memory_bytes": _peak_memory(),
        "versions": versions(),
        "commit": commit(),
    }


def _write(folder: Path, folded: _Folded, settings: DetectSettings, summary: dict[str, Any]) -> None:
    detector = folded.detector
    _lines(folder / "decisions.jsonl", (decision.as_record() for decision in folded.decisions))
    _lines(folder / "accounts.jsonl", account_records(detector))
    _lines(folder / "campaigns.jsonl", campaign_records(detector))
    _lines(folder / "evidence.jsonl", evidence_records(detector))
    write_atomic(folder / "resolved.yaml", dump(settings))
    write_json(folder / "summary.json", summary)


def _lines(path: Path, records: Iterable[Any]) -> None:
    write_atomic(path, b"".join(encode_line(record) for record in records))


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
