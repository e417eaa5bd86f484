"""Read a whole ledger and say at which entry it is not what was signed.

What this can show depends on what the reader brings. With the database alone: that it fits together, which anyone can
bring about who rewrites all of it and signs with a key of his own. With the public key, kept elsewhere: that the holder
of the private key signed just these entries in this order, though perhaps more after them. With a checkpoint kept
elsewhere: that none of the entries that it covers was changed or taken away since. A key or a checkpoint that lies
beside the database proves no more than the folder that both lie in.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection, Engine

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.checkpoint import SignedCheckpoint, parse_checkpoint
from stillhouse.guard.ledger.database import (
    UNREADABLE,
    CheckpointRow,
    EntryRow,
    checkpoint_rows,
    entry_rows,
    open_for_reading,
    reason,
    snapshot,
)
from stillhouse.guard.ledger.entry import NO_ENTRY, entry_from_body
from stillhouse.guard.ledger.key_history import KeyHistory
from stillhouse.guard.ledger.merkle import Frontier, leaf_hash
from stillhouse.guard.ledger.note import Verifier
from stillhouse.guard.ledger.report import Fault, Report
from stillhouse.guard.ledger.tip import Tip
from stillhouse.guard.state.tables import checkpoints, entries

__all__ = ["verify"]

_LISTED = 100


def verify(
    place: Engine | str | Path,
    *,
    public_key: Verifier | None = None,
    checkpoint: str | None = None,
    on_entry: Callable[[int], None] | None = None,
) -> Report:
    """Check every entry and every checkpoint of a ledger; memory does not grow with it.

    `place` is a SQLite file, a database URL or an engine; `checkpoint` the text of a signed one that was kept;
    `on_entry` gets each sequence as it is read. ConfigError and RecordError where there is no ledger to read or the
    checkpoint is none; everything that is wrong with the ledger is in the report.
    """
    kept = None if checkpoint is None else parse_checkpoint(checkpoint, "the checkpoint given")
    engine = place if isinstance(place, Engine) else open_for_reading(place)
    reading = _Reading(public_key, kept)
    try:
        with snapshot(engine) as connection:
            reading.run(connection, on_entry)
    except UNREADABLE as error:
        reading.fault("ledger", None, f"the database cannot be read on: {reason(error)}")
    finally:
        if engine is not place:
            engine.dispose()
    return reading.report()


class _Reading:
    """One pass over the entries, with the checkpoints taken in as the tree reaches their sizes."""

    def __init__(self, public_key: Verifier | None, kept: SignedCheckpoint | None) -> None:
        self._keys = KeyHistory(public_key)
        self._kept = kept
        self._faults: list[Fault] = []
        self._count = 0
        self._origin: str | None = None  # None where the first entry does not say it, which is a fault
        self._edge = Frontier()
        self._next = 0  # the sequence that the next entry should have
        self._last = NO_ENTRY
        self._checkpoints = 0
        self._agreed = 0  # size of the last checkpoint whose root was right
        self._newest = 0
        self._astray = False  # the tree can no longer be the signed one, and a fault says where that began

    def fault(self, place: str, number: int | None, what: str) -> None:
        self._count += 1
        if self._count <= _LISTED:
            self._faults.append(Fault(place, number, what))

    def run(self, connection: Connection, on_entry: Callable[[int], None] | None) -> None:
        self._check_file(connection)
        try:
            stored = _Ahead(checkpoint_rows(connection))
            for row in entry_rows(connection):
                self._take_checkpoints(stored)
                self._take_entry(row)
                if on_entry is not None:
                    on_entry(row.sequence)
            self._take_checkpoints(stored)
            self._finish(stored)
        except RecordError as error:  # rows in no order: what comes behind them cannot be told any more
            self.fault("ledger", None, f"reading ends here: {error}")

    def report(self) -> Report:
        key = self._keys.current
        return Report(
            origin=self._origin,
            entries=self._edge.size,
            checkpoints=self._checkpoints,
            root=self._edge.root().hex(),
            key=None if key is None else str(key),
            key_given=self._keys.trusted is not None,
            kept=None if self._kept is None else self._kept.checkpoint.size,
            faults=tuple(self._faults),
            fault_count=self._count,
        )

    def _check_file(self, connection: Connection) -> None:
        """SQLite's own check of pages and indexes: a broken index may show other rows to who looks one up."""
        if connection.dialect.name != "sqlite":
            return
        for table in (entries.name, checkpoints.name):
            found = connection.exec_driver_sql(f"PRAGMA integrity_check({table})").first()
            if found is not None and found[0] != "ok":
                self.fault("ledger", None, f"the database file is damaged: {' '.join(str(found[0]).split())}")

    def _take_entry(self, row: EntryRow) -> None:
        at = row.sequence
        if at != self._next:
            self._gap(at)
        digest = leaf_hash(row.body)
        if digest != row.hash:
            self.fault("entry", at, "its body is not the one that its hash was made of")
        if row.previous != self._last:
            self.fault("entry", at, "does not follow the entry before it (column previous)")
        try:
            entry = entry_from_body(row.body)
        except RecordError as error:
            self.fault("entry", at, str(error))
        else:
            if entry.sequence != at:
                self.fault("entry", at, f"its body says that it is entry {entry.sequence}")
            if entry.previous != self._last:
                self.fault("entry", at, "its body does not follow the entry before it")
            try:
                self._keys.read(entry)
            except RecordError as error:
                self.fault("entry", at, str(error))
            if entry.kind == "ledger.opened" and at == 0:
                self._origin = self._opened_as(entry.details.get("origin"))
        # Where body and hash differ that is a fault already; the stored hash tells more about what comes after.
        self._edge = self._edge.append(row.hash)
        self._last, self._next = row.hash, max(at + 1, 0)

    def _opened_as(self, origin: object) -> str | None:
        if not isinstance(origin, str):
            self.fault("entry", 0, "does not name the ledger (details.origin)")
            return None
        return origin

    def _gap(self, at: int) -> None:
        if at > self._next:
            missing = f"entry {self._next} is" if at == self._next + 1 else f"entries {self._next} to {at - 1} are"
            self.fault("entry", at, f"{missing} missing before it")
        else:
            self.fault("entry", at, "stands before the first entry, which is 0")
        self._astray = True

    def _take_checkpoints(self, stored: "_Ahead") -> None:
        """Everything that was signed about the entries so far."""
        found = False
        while (row := stored.next) is not None and row.size <= self._next:
            self._take_checkpoint(row)
            found = found or row.size == self._next
            stored.advance()
        if self._keys.awaits_checkpoint(self._next) and not found:
            self.fault("entry", self._next - 1, "changes the key, and the checkpoint of both keys over it is missing")
        if self._kept is not None and self._kept.checkpoint.size == self._next:
            self._take_kept(self._kept)

    def _take_checkpoint(self, row: CheckpointRow) -> None:
        self._checkpoints += 1
        before, self._newest = self._newest, max(self._newest, row.size)
        try:
            signed = parse_checkpoint(row.note, "its note")
            tip = Tip.of(signed.checkpoint, "its note")
        except RecordError as error:
            self.fault("checkpoint", row.size, str(error))
            return
        if signed.checkpoint.size != row.size:
            self.fault("checkpoint", row.size, f"its note is about {signed.checkpoint.size} entries")
            return
        if row.size != self._next:
            self.fault("checkpoint", row.size, "no entry ends where it does")
            return
        if tip.before != before:
            self.fault("checkpoint", row.size, f"the stored one before it is {before}, it was {tip.before}")
        if self._origin not in (None, signed.checkpoint.origin):
            self.fault("checkpoint", row.size, f"is of '{signed.checkpoint.origin}', the ledger is '{self._origin}'")
        if (fault := self._keys.fault(signed.note, row.size, strict=True)) is not None:
            self.fault("checkpoint", row.size, fault)
        if signed.checkpoint.root == self._edge.root() and tip.last == self._last:
            self._agreed = row.size
        elif not self._astray:
            self.fault(
                "checkpoint", row.size, f"signs other entries: something from entry {self._agreed} on was changed"
            )
            self._astray = True

    def _take_kept(self, kept: SignedCheckpoint) -> None:
        size = kept.checkpoint.size
        if self._origin not in (None, kept.checkpoint.origin):
            self.fault("checkpoint given", size, f"is of '{kept.checkpoint.origin}', the ledger is '{self._origin}'")
        if (fault := self._keys.fault(kept.note, size, strict=False)) is not None:
            self.fault("checkpoint given", size, fault)
        if kept.checkpoint.root != self._edge.root():
            self.fault("checkpoint given", size, f"the first {size} entries are not the ones that it signs")

    def _finish(self, stored: "_Ahead") -> None:
        ends = f"entry {self._next - 1}" if self._next else "no entry at all"
        while (row := stored.next) is not None:
            self._checkpoints += 1
            self._newest = max(self._newest, row.size)
            self.fault("checkpoint", row.size, f"entries were cut off: the ledger ends with {ends}")
            stored.advance()
        if self._kept is not None and self._kept.checkpoint.size > self._next:
            size = self._kept.checkpoint.size
            self.fault("checkpoint given", size, f"entries were cut off: the ledger ends with {ends}")
        if not self._next:
            self.fault("ledger", None, "is empty: it was never opened, or everything was taken out")
        elif self._newest < self._next:
            self.fault("entry", self._newest, "from here on no checkpoint covers the ledger")
        if not self._keys.reached:
            self.fault("ledger", None, f"names no key that is the one given, {self._keys.trusted}")


class _Ahead:
    """Stored checkpoints with one looked at in advance."""

    def __init__(self, rows: Iterator[CheckpointRow]) -> None:
        self._rows: Iterator[CheckpointRow | None] = chain(rows, [None])
        self.next = next(self._rows)

    def advance(self) -> None:
        self.next = next(self._rows, None)
