"""Entries by kind, by subject, and the last few."""

import pytest
from sqlalchemy import Engine, text

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.ledger.store import Ledger


def test_filters_are_combined_before_the_last_few_are_taken(ledger: Ledger, engine: Engine) -> None:
    for kind, subject in [("action", "a"), ("review", "a"), ("action", "b"), ("action", "a"), ("action", "a")]:
        ledger.append(kind, actor="x", subject=subject)  # type: ignore[arg-type]
    assert [entry.sequence for entry in list_entries(engine)] == [0, 1, 2, 3, 4, 5]
    assert [entry.sequence for entry in list_entries(engine, kind="action")] == [1, 3, 4, 5]
    assert [entry.sequence for entry in list_entries(engine, kind="action", subject="a")] == [1, 4, 5]
    assert [entry.sequence for entry in list_entries(engine, kind="action", subject="a", last=2)] == [4, 5]
    assert list_entries(engine, subject="z", last=2) == []


def test_an_entry_that_cannot_be_read_is_named(ledger: Ledger, engine: Engine) -> None:
    ledger.append("action", actor="x", subject="y")
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_entries SET body = CAST('{}' AS BLOB) WHERE sequence = 1"))
    with pytest.raises(RecordError, match=r"entry 1: not an entry of stillhouse\.ledger/1; look with"):
        list_entries(engine)
