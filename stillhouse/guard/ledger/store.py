"""Appending: in one transaction the entries, the chain, the tree, and a signed checkpoint over all of it.

Before anything is added, what is there must be what was signed: a ledger that was tampered with at its end is not
carried on as if nothing had happened. The past is `verify`'s matter; an append reads the last entry and the newest
checkpoint only.

Of the checkpoints the newest stays, and for each `SPACING` entries the last one. The newest one signs all entries;
older ones only narrow down where a change was made. Fewer are also safer: whoever cuts entries off needs a checkpoint
that ends where he cut.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, delete, insert

from stillhouse.errors import RecordError, StorageError
from stillhouse.guard.ledger.checkpoint import Checkpoint, parse_checkpoint
from stillhouse.guard.ledger.checkpoint_file import keep_newest, kept_checkpoint
from stillhouse.guard.ledger.database import (
    CheckpointRow,
    EntryRow,
    hold,
    newest_checkpoint,
    newest_entry,
    snapshot,
    writing,
)
from stillhouse.guard.ledger.entry import KINDS, NO_ENTRY, Entry, Event, Kind, body, entry_from_body
from stillhouse.guard.ledger.merkle import Frontier, leaf_hash
from stillhouse.guard.ledger.note import Signer, Verifier, sign_note
from stillhouse.guard.ledger.tip import Tip
from stillhouse.guard.state.tables import checkpoints, entries

__all__ = ["SPACING", "Ledger"]

SPACING = 1024
_log = logging.getLogger("stillhouse.guard")
_REMEDY = "nothing is appended; find out what happened with `stillhouse guard ledger verify`"


class Ledger:
    """One ledger for appending. Several processes and threads may hold one each on the same database.

    `origin` names it in its checkpoints (`example.com/ledger`: no spaces, no plus). `checkpoint_file` gets a copy of
    the newest checkpoint after every commit. `clock` gives seconds since 1970.

    Whatever appends raises RecordError where the end of the ledger is not what was signed with this key, or where the
    checkpoint file knows more entries than the database, and for an event that has no canonical form; ConfigError for
    a database of another make. What the database refuses comes through as SQLAlchemy's errors, and nothing was
    appended.
    """

    def __init__(
        self,
        engine: Engine,
        key: Ed25519PrivateKey,
        origin: str,
        *,
        checkpoint_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.origin = origin
        self.checkpoint_file = checkpoint_file
        self._signer = Signer(origin, key)
        self._verifier = self._signer.verifier
        self._clock = clock
        self.unpublished: StorageError | None = None
        """Why the checkpoint file is older than the ledger; None where it is not."""
        self._known: str | None = None  # the last note whose signature was made or checked here

    @property
    def verifier(self) -> Verifier:
        """The public half of the key, with the name that it signs under: what to hand out."""
        return self._verifier

    def open(self) -> None:
        """Write the first entry if the ledger is empty; otherwise check its end. For the start of a gateway."""
        with self.transaction() as connection:
            self.extend_in(connection, [])
        if self.unpublished is not None:
            raise self.unpublished

    def append(self, kind: Kind, *, actor: str, subject: str, details: Mapping[str, Any] | None = None) -> Entry:
        """Record one event; it is signed and on disk when this returns."""
        return self.extend([Event(kind=kind, actor=actor, subject=subject, details=details or {})])[0]

    def extend(self, events: Sequence[Event]) -> list[Entry]:
        """Record several events in one transaction and under one checkpoint: all of them or none."""
        with self.transaction() as connection:
            return self.extend_in(connection, events)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that holds the ledger: for changes to other tables together with their entries (`append_in`).

        Commits at the end and renews the checkpoint file; rolls everything back on an error. What was committed is
        done: where the file cannot be written the caller gets his result all the same, the fault is logged and stands
        in `unpublished`, and the next commit tries again.
        """
        with writing(self.engine) as connection:
            yield connection
        try:
            self.publish()
        except StorageError as error:
            self.unpublished = error
            _log.error("the ledger's checkpoint file is old: %s", error)
        else:
            self.unpublished = None

    def append_in(
        self, connection: Connection, kind: Kind, *, actor: str, subject: str, details: Mapping[str, Any] | None = None
    ) -> Entry:
        """Record one event in the caller's transaction: it is there if, and only if, that commits.

        Best within `transaction()`. In a transaction of the caller's own, this waits for other writers of the ledger:
        take what locks it needs in the same order everywhere, on SQLite begin it with IMMEDIATE, and call `publish`
        after the commit.
        """
        return self.extend_in(connection, [Event(kind=kind, actor=actor, subject=subject, details=details or {})])[0]

    def extend_in(self, connection: Connection, events: Sequence[Event]) -> list[Entry]:
        """`append_in` for several events under one checkpoint."""
        for event in events:
            if event.kind not in KINDS or event.kind in ("ledger.opened", "checkpoint_key.rotated"):
                raise RecordError(f"an event of kind '{event.kind}' is not the caller's to record; see Kind")
        return self._extend(connection, events, [self._signer])

    def rotate(self, key: Ed25519PrivateKey) -> "Ledger":
        """Record that another key signs from here on, and return the ledger of that key; this one appends no more.

        The checkpoint over that entry is signed by both keys and kept for good: who trusts the old key can go on to the
        new one.
        """
        after = Ledger(self.engine, key, self.origin, checkpoint_file=self.checkpoint_file, clock=self._clock)
        event = Event(
            kind="checkpoint_key.rotated",
            actor="operator",
            subject=self.origin,
            details={"public_key": str(after.verifier), "former": str(self.verifier)},
        )
        with writing(self.engine) as connection:
            self._extend(connection, [event], [after._signer, self._signer])
        after.publish()
        return after

    def publish(self) -> None:
        """Bring the checkpoint file up to the database's newest checkpoint; nothing where there is no such file."""
        if self.checkpoint_file is None:
            return
        with snapshot(self.engine) as connection:
            row = newest_checkpoint(connection)
        if row is not None:
            self._signed(row)
            keep_newest(self.checkpoint_file, row.note, row.size)

    def _extend(self, connection: Connection, events: Sequence[Event], signers: Sequence[Signer]) -> list[Entry]:
        hold(connection)
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        tip, final = self._end(connection)
        opening = [] if tip else [self._opening()]
        if not (opening or events):
            return []
        last, frontier = (tip.last, tip.frontier) if tip else (NO_ENTRY, Frontier())
        written, rows = [], []
        for event in (*opening, *events):
            data = body(_placed(event, frontier.size, now, last))
            rows.append({"sequence": frontier.size, "body": data, "previous": last, "hash": leaf_hash(data)})
            last = leaf_hash(data)
            frontier = frontier.append(last)
            # As it will be read, not as it was given: a tuple has become a list, and the caller cannot change it.
            written.append(entry_from_body(data))
        superseded = tip is not None and not final and _block(tip.frontier.size) == _block(frontier.size)
        before = 0 if tip is None else tip.before if superseded else tip.frontier.size
        note = sign_note(Tip(now, before, last, frontier).checkpoint(self.origin).text(), signers)
        self._known = note
        connection.execute(insert(entries), rows)
        connection.execute(insert(checkpoints), {"size": frontier.size, "note": note})
        if tip is not None and superseded:
            connection.execute(delete(checkpoints).where(checkpoints.c.size == tip.frontier.size))
        return written[len(opening) :]

    def _opening(self) -> Event:
        details = {"origin": self.origin, "public_key": str(self.verifier)}
        return Event(kind="ledger.opened", actor="ledger", subject=self.origin, details=details)

    def _end(self, connection: Connection) -> tuple[Tip | None, bool]:
        """The end of the ledger (None: it is empty), and whether its newest checkpoint has to stay for good."""
        entry, row = newest_entry(connection), newest_checkpoint(connection)
        if row is None and entry is None:
            self._compare_file(Checkpoint(self.origin, 0, Frontier().root()))
            return None, False
        if row is None or entry is None:
            lacking = "checkpoint" if row is None else "entry"
            raise RecordError(f"the ledger has no {lacking} although it is not empty; {_REMEDY}")
        checkpoint = self._signed(row)
        tip = Tip.of(checkpoint, f"checkpoint {row.size}")
        last = _checked(entry, tip)
        self._compare_file(checkpoint)
        if last.kind != "checkpoint_key.rotated":
            return tip, False
        if last.details.get("public_key") != str(self.verifier):
            raise RecordError(f"entry {last.sequence} gave the ledger another key; append with that one")
        return tip, True

    def _signed(self, row: CheckpointRow) -> Checkpoint:
        """The checkpoint of a row, its signature checked; RecordError where it is not ours."""
        place = f"checkpoint {row.size}"
        signed = parse_checkpoint(row.note, place)
        if row.note != self._known:
            fault = signed.note.fault(self.verifier)
            if fault is not None:
                raise RecordError(f"{place}: {fault}; {_REMEDY}")
            self._known = row.note
        if (signed.checkpoint.size, signed.checkpoint.origin) != (row.size, self.origin):
            found = f"{signed.checkpoint.size} entries of {signed.checkpoint.origin}"
            raise RecordError(f"{place}: its note is about {found}; {_REMEDY}")
        return signed.checkpoint

    def _compare_file(self, checkpoint: Checkpoint) -> None:
        kept = None if self.checkpoint_file is None else kept_checkpoint(self.checkpoint_file)
        if kept is None:
            return
        size = kept.checkpoint.size
        if size > checkpoint.size:
            raise RecordError(
                f"{self.checkpoint_file}: knows {size} entries, the database {checkpoint.size}: it was cut or put back "
                f"to an older state; {_REMEDY}"
            )
        if size == checkpoint.size and kept.checkpoint.root != checkpoint.root:
            raise RecordError(f"{self.checkpoint_file}: is of another ledger of {size} entries; {_REMEDY}")


def _block(size: int) -> int:
    return (size - 1) // SPACING


def _placed(event: Event, sequence: int, now: str, previous: bytes) -> Entry:
    return Entry(
        sequence=sequence,
        time=now,
        kind=event.kind,
        actor=event.actor,
        subject=event.subject,
        details=event.details,
        previous=previous,
    )


def _checked(row: EntryRow, tip: Tip) -> Entry:
    """The last entry; RecordError where the row is not the one that the checkpoint ends with."""
    place = f"entry {row.sequence}"
    if row.sequence + 1 != tip.frontier.size:
        raise RecordError(f"{place} is the last one, the newest checkpoint has {tip.frontier.size} entries; {_REMEDY}")
    if not leaf_hash(row.body) == row.hash == tip.last:
        raise RecordError(f"{place} is not the one that was signed; {_REMEDY}")
    try:
        return entry_from_body(row.body)
    except RecordError as error:
        raise RecordError(f"{place}: {error}; {_REMEDY}") from None
