"""Entries to look at. Nothing is checked here beyond their form: `verify` does that."""

from pathlib import Path

from sqlalchemy import Engine

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.database import UNREADABLE, EntryRow, entry_rows, open_for_reading, reason, snapshot
from stillhouse.guard.ledger.entry import Entry, entry_from_body

__all__ = ["list_entries"]


def list_entries(
    place: Engine | str | Path, *, kind: str | None = None, subject: str | None = None, last: int | None = None
) -> list[Entry]:
    """The entries of one kind, about one subject, and of these the last few, in their order.

    RecordError names the first entry that cannot be read.
    """
    engine = place if isinstance(place, Engine) else open_for_reading(place)
    found: list[Entry] = []
    try:
        with snapshot(engine) as connection:
            for row in entry_rows(connection, backwards=last is not None):
                if last is not None and len(found) >= last:
                    break
                entry = _entry(row)
                if kind in (None, entry.kind) and subject in (None, entry.subject):
                    found.append(entry)
    except UNREADABLE as error:
        raise RecordError(f"the database cannot be read: {reason(error)}") from None
    finally:
        if engine is not place:
            engine.dispose()
    return found if last is None else found[::-1]


def _entry(row: EntryRow) -> Entry:
    try:
        return entry_from_body(row.body)
    except RecordError as error:
        raise RecordError(f"entry {row.sequence}: {error}; look with `stillhouse guard ledger verify`") from None
