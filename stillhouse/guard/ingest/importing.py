"""One import: files of a source in, one log out, and an account of what became of every row.

Rows flow through one at a time. The log takes its name only when all of them are through, so whoever finds a log
finds all of it. Exchanges stand in the order of the source: sorting would need all of them at once.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stillhouse.errors import ConfigError, RecordError, RunFolderError, StorageError
from stillhouse.guard.ingest import envoy, litellm_spend, openai_batch, otel
from stillhouse.guard.ingest.disk_table import DiskTable
from stillhouse.guard.ingest.outcome import Fault, Outcome, PassedOver
from stillhouse.guard.ingest.rows import Row, read_rows
from stillhouse.records import (
    ExchangeLog,
    RejectedLines,
    check_free,
    check_place,
    disk_errors,
)
from stillhouse.records.files import sync_folder
from stillhouse.types import Exchange

__all__ = ["FORMATS", "Imported", "import_logs"]

Read = Callable[[Iterable[Row | Fault], Mapping[str, str]], Iterator[Outcome]]


@dataclass(frozen=True, slots=True)
class _Source:
    read: Read
    fields: Mapping[str, tuple[str, ...]]
    lines_only: bool = False
    csv: bool = False


FORMATS: Final[dict[str, _Source]] = {
    "envoy": _Source(envoy.read, envoy.FIELDS, lines_only=True),
    "litellm": _Source(litellm_spend.read, litellm_spend.FIELDS, csv=True),
    "openai-batch": _Source(openai_batch.read, openai_batch.FIELDS),
    "otel": _Source(otel.read, otel.FIELDS),
}

_MOST_KINDS = 20
_STEP = 1000


@dataclass(slots=True)
class Imported:
    """What became of the rows. `passed_over` counts by kind. `back_in_time` counts exchanges that begin before the
    one in front of them; 0 says that the log is in time order."""

    log: str
    exchanges: int = 0
    duplicates: int = 0
    rejected: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    first: str | None = None
    last: str | None = None
    back_in_time: int = 0
    rejected_lines: str | None = None
    first_reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {name: getattr(self, name) for name in self.__slots__} | {"passed_over": dict(self.passed_over)}


def import_logs(
    source: str,
    files: Sequence[Path],
    out: Path,
    *,
    account: str | None = None,
    fields: Sequence[str] = (),
    strict: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Imported:
    """Write the exchanges of `files` to the new log `out` (`.jsonl` or `.jsonl.zst`).

    `account` and `fields` (`ours=theirs`) say where our fields stand (`Fields`). A row that cannot be read is set
    aside in `<out without suffix>.rejected.jsonl`, or with `strict` ends the import; an id that came before is
    dropped and counted. Raises ConfigError, RunFolderError, StorageError, or RecordError (also where not one row is
    an exchange), and leaves nothing behind then.
    """
    if source not in FORMATS:
        raise ConfigError(f"format '{source}': is not known; there are {', '.join(sorted(FORMATS))}")
    changes = _changes(account, fields)
    log_name = out.name.removesuffix(".zst")
    if not log_name.endswith(".jsonl") or log_name == ".jsonl":
        raise RecordError(f"{out}: not a log by its name; --out must end in .jsonl or .jsonl.zst")
    rejected_path = out.with_name(f"{log_name.removesuffix('.jsonl')}.rejected.jsonl")
    for path in (out, rejected_path):
        check_free(path, "--out")
    check_place(out, make_parents=False)
    kind = FORMATS[source]
    rows = _all_rows(files, kind)
    draft = out.with_name(f".{os.getpid()}.{out.name}")
    draft_rejected = rejected_path.with_name(f".{os.getpid()}.{rejected_path.name}")
    result = Imported(log=str(out))
    try:
        with ExchangeLog(draft) as log:
            log.extend(_kept(kind.read(rows, changes), result, RejectedLines(draft_rejected), strict, progress))
        if result.exchanges == 0:
            raise RecordError(_nothing(files, source, result))
        if result.rejected:
            result.rejected_lines = str(rejected_path)
            _publish(draft_rejected, rejected_path)
        try:
            _publish(draft, out)
        except (RunFolderError, StorageError):
            rejected_path.unlink(missing_ok=True)
            raise
    finally:
        # Also when interrupted: what is not whole must not stay behind.
        draft.unlink(missing_ok=True)
        draft_rejected.unlink(missing_ok=True)
    return result


def _kept(
    outcomes: Iterator[Outcome],
    result: Imported,
    rejected: RejectedLines,
    strict: bool,
    progress: Callable[[str], None],
) -> Iterator[Exchange]:
    """The exchanges that are written; everything else is counted and set aside on the way."""
    before = ""
    with DiskTable() as seen:
        for outcome in outcomes:
            if isinstance(outcome, PassedOver):
                known = outcome.reason in result.passed_over or len(result.passed_over) < _MOST_KINDS
                result.passed_over[outcome.reason if known else "other kinds"] += 1
                continue
            if isinstance(outcome, Fault):
                if strict:
                    raise RecordError(f"{outcome.place}: {outcome.reason}")
                result.rejected += 1
                result.first_reason = result.first_reason or f"{outcome.place}: {outcome.reason}"
                rejected.add(outcome.place, outcome.reason, outcome.line)
                continue
            if not seen.add(outcome.id):
                result.duplicates += 1
                continue
            result.exchanges += 1
            result.back_in_time += outcome.time < before
            before = outcome.time
            result.first = min(result.first or before, before)
            result.last = max(result.last or before, before)
            if result.exchanges % _STEP == 0:
                progress(f"{result.exchanges:,} exchanges, {result.rejected:,} rows set aside")
            yield outcome


def _all_rows(files: Sequence[Path], kind: _Source) -> Iterator[Row | Fault]:
    for path in files:
        yield from read_rows(path, lines_only=kind.lines_only, csv=kind.csv)


def _changes(account: str | None, fields: Sequence[str]) -> dict[str, str]:
    changes = {} if account is None else {"account": account}
    for text in fields:
        ours, equals, theirs = text.partition("=")
        if not equals or not ours:
            raise ConfigError(f"field '{text}': expected OURS=THEIRS, or OURS==TEXT for one text in every row")
        if ours in changes:
            raise ConfigError(f"field '{ours}': is given twice; give it once")
        changes[ours] = theirs
    return changes


def _publish(draft: Path, path: Path) -> None:
    check_free(path, "--out")
    with disk_errors(path, 0):
        descriptor = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(draft, path)
        sync_folder(path.parent)


def _nothing(files: Sequence[Path], source: str, result: Imported) -> str:
    """Why there is no log: most often the wrong format or a field that is called differently."""
    where = f"{files[0]}" if len(files) == 1 else f"{len(files)} files"
    if result.first_reason is not None:
        return f"{where}: not one of {result.rejected:,} rows is an exchange of format {source}; {result.first_reason}"
    if result.passed_over:
        kind, count = result.passed_over.most_common(1)[0]
        return f"{where}: holds no model calls in format {source}; {count:,} rows passed over are '{kind}'"
    return f"{where}: holds no rows; give a log of format {source}"
