"""What an append leaves behind, what it refuses, and that another table changes with its entry or not at all."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy.exc import OperationalError

from stillhouse.errors import ConfigError, RecordError, StorageError
from stillhouse.guard.ledger import store
from stillhouse.guard.ledger.checkpoint import parse_checkpoint
from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.entry import Event
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.ledger.merkle import leaf_hash, tree_root
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.state.tables import checkpoints, counters, entries


def some(count: int) -> list[Event]:
    return [Event(kind="action", actor="guard", subject=f"account-{number}") for number in range(count)]


def sizes(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(select(checkpoints.c.size).order_by(checkpoints.c.size)))


def total(engine: Engine) -> int:
    with engine.connect() as connection:
        return len(connection.scalars(select(entries.c.sequence)).all())


def test_the_first_append_opens_the_ledger(ledger: Ledger, engine: Engine) -> None:
    entry = ledger.append(
        "action", actor="guard", subject="account-1", details={"level": "slow", "evidence": ("a", 1.0)}
    )
    assert (entry.sequence, entry.time, entry.kind) == (1, "2026-09-21T14:13:20.250Z", "action")
    assert entry.details == {"level": "slow", "evidence": ["a", 1]}
    opened, again = list_entries(engine)
    assert again == entry
    assert (opened.kind, opened.subject, opened.previous) == ("ledger.opened", "ledger.example/tests", bytes(32))
    assert opened.details == {"origin": "ledger.example/tests", "public_key": str(ledger.verifier)}


def test_rows_are_chained_and_signed(ledger: Ledger, engine: Engine, tmp_path: Path) -> None:
    assert [entry.sequence for entry in ledger.extend(some(6))] == [1, 2, 3, 4, 5, 6]
    with engine.connect() as connection:
        rows = connection.execute(select(entries).order_by(entries.c.sequence)).all()
        (stored,) = connection.execute(select(checkpoints)).all()
    hashes = [leaf_hash(row.body) for row in rows]
    assert [row.hash for row in rows] == hashes
    assert [row.previous for row in rows] == [bytes(32), *hashes[:-1]]
    signed = parse_checkpoint(stored.note, "here")
    assert (stored.size, signed.checkpoint.size, signed.checkpoint.root) == (7, 7, tree_root(hashes))
    assert signed.note.fault(ledger.verifier) is None
    assert read_checkpoint(tmp_path / "kept.checkpoint") == stored.note


def test_opening_twice_writes_once(ledger: Ledger, engine: Engine) -> None:
    ledger.open()
    ledger.open()
    assert ledger.extend([]) == []
    assert total(engine) == 1 and verify(engine).holds


def test_all_or_none(ledger: Ledger, engine: Engine) -> None:
    ledger.open()
    with pytest.raises(RecordError, match=r"^\.details\.score is nan, which is no JSON"):
        ledger.extend([*some(2), Event(kind="action", actor="a", subject="b", details={"score": float("nan")})])
    assert total(engine) == 1 and verify(engine).holds


@pytest.mark.parametrize("kind", ["ledger.opened", "checkpoint_key.rotated", "invented"])
def test_a_kind_that_is_not_the_caller_s_is_refused(ledger: Ledger, engine: Engine, kind: str) -> None:
    with pytest.raises(RecordError, match=f"'{kind}' is not the caller's to record"):
        ledger.append(kind, actor="a", subject="b")  # type: ignore[arg-type]
    assert total(engine) == 0


def test_another_table_changes_with_its_entry_or_not_at_all(ledger: Ledger, engine: Engine, tmp_path: Path) -> None:
    row = {"name": "requests", "window_start": 0.0, "value": 1.0}
    with ledger.transaction() as connection:
        connection.execute(counters.insert(), row)
        entry = ledger.append_in(connection, "account.changed", actor="admin", subject="account-1")
        other = ledger.append_in(connection, "account.changed", actor="admin", subject="account-2")
    assert (entry.sequence, other.sequence) == (1, 2)
    kept = read_checkpoint(tmp_path / "kept.checkpoint")
    with pytest.raises(OSError, match="on the way"), ledger.transaction() as connection:
        connection.execute(counters.insert(), row | {"name": "tokens"})
        ledger.append_in(connection, "account.changed", actor="admin", subject="account-3")
        raise OSError("on the way")
    with engine.connect() as connection:
        assert connection.scalars(select(counters.c.name)).all() == ["requests"]
    assert total(engine) == 3 and read_checkpoint(tmp_path / "kept.checkpoint") == kept
    assert ledger.append("review", actor="a", subject="b").sequence == 3
    assert verify(engine, checkpoint=kept).holds


def test_a_transaction_of_the_caller_s_own(ledger: Ledger, engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(counters.insert(), {"name": "requests", "window_start": 0.0, "value": 1.0})
        ledger.append_in(connection, "key.created", actor="admin", subject="key-1")
    assert not (tmp_path / "kept.checkpoint").exists()
    ledger.publish()
    assert verify(engine, checkpoint=read_checkpoint(tmp_path / "kept.checkpoint")).holds


def test_old_checkpoints_are_thinned_out(ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SPACING", 4)
    for _ in range(10):
        ledger.append("action", actor="a", subject="b")
    assert sizes(engine) == [4, 8, 11]
    ledger.extend(some(20))
    assert sizes(engine) == [4, 8, 11, 31]
    assert verify(engine, public_key=ledger.verifier).holds


def test_a_change_of_key(ledger: Ledger, engine: Engine, tmp_path: Path) -> None:
    ledger.extend(some(3))
    old, kept = ledger.verifier, read_checkpoint(tmp_path / "kept.checkpoint")
    after = ledger.rotate(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(RecordError, match="entry 4 gave the ledger another key"):
        ledger.append("action", actor="a", subject="b")
    for _ in range(3):
        after.append("action", actor="a", subject="b")
    with pytest.raises(RecordError, match=r"checkpoint 8: carries no signature of the key ledger\.example/tests\+"):
        ledger.append("action", actor="a", subject="b")
    assert sizes(engine) == [5, 8]
    for key in (None, old, after.verifier):
        for one in (None, kept, read_checkpoint(tmp_path / "kept.checkpoint")):
            assert verify(engine, public_key=key, checkpoint=one).faults == ()
    with engine.begin() as connection:
        connection.execute(checkpoints.delete().where(checkpoints.c.size == 5))
    faults = [str(fault) for fault in verify(engine, public_key=old).faults]
    assert faults[0] == "entry 4: changes the key, and the checkpoint of both keys over it is missing"


CHANGES: dict[str, tuple[str, str]] = {
    "last body": (
        "UPDATE ledger_entries SET body = CAST(replace(body, 'guard', 'other') AS BLOB) WHERE sequence = 6",
        "entry 6 is not the one that was signed",
    ),
    "last hash": (
        "UPDATE ledger_entries SET hash = zeroblob(32) WHERE sequence = 6",
        "entry 6 is not the one that was",
    ),
    "cut": ("DELETE FROM ledger_entries WHERE sequence > 3", "entry 3 is the last one, the newest checkpoint has 7"),
    "added": (
        "INSERT INTO ledger_entries SELECT 7, body, previous, hash FROM ledger_entries WHERE sequence = 6",
        "entry 7 is the last one, the newest checkpoint has 7 entries",
    ),
    "no checkpoint": ("DELETE FROM ledger_checkpoints", "the ledger has no checkpoint although it is not empty"),
    "no entry": ("DELETE FROM ledger_entries", "the ledger has no entry although it is not empty"),
    "size": ("UPDATE ledger_checkpoints SET size = 8", "checkpoint 8: its note is about 7 entries"),
    "note": (
        "UPDATE ledger_checkpoints SET note = replace(note, 'time 2026', 'time 2025')",
        "its signature of the key",
    ),
    "no note": ("UPDATE ledger_checkpoints SET note = 'gone'", "checkpoint 7: not a signed note"),
    "kind of column": (
        "UPDATE ledger_entries SET body = 12 WHERE sequence = 6",
        "entry 6 is not the one that was signed",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("fresh", [True, False], ids=["another process", "the same one"])
def test_a_changed_end_is_not_carried_on(
    ledger: Ledger, engine: Engine, key: Ed25519PrivateKey, database: Path, change: str, fresh: bool
) -> None:
    ledger.extend(some(6))
    statement, fault = CHANGES[change]
    connection = sqlite3.connect(database)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    if fresh:
        ledger = Ledger(engine, key, "ledger.example/tests")
    before = total(engine)
    with pytest.raises(RecordError, match=fault):
        ledger.append("action", actor="a", subject="b")
    assert total(engine) == before


def test_an_emptied_or_older_database_is_not_carried_on(
    ledger: Ledger, engine: Engine, database: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    ledger.extend(some(3))
    older = database.read_bytes()
    ledger.extend(some(3))
    engine.dispose()
    database.write_bytes(older)
    with pytest.raises(RecordError, match=r"kept\.checkpoint: knows 7 entries, the database 4: it was cut or put back"):
        ledger.append("action", actor="a", subject="b")
    without_file = Ledger(engine, key, "ledger.example/tests")
    without_file.extend([Event(kind="review", actor="a", subject="b")] * 3)
    with pytest.raises(RecordError, match=r"kept\.checkpoint: is of another ledger of 7 entries"):
        ledger.append("action", actor="a", subject="b")
    with engine.begin() as connection:
        connection.execute(entries.delete())
        connection.execute(checkpoints.delete())
    with pytest.raises(RecordError, match="knows 7 entries, the database 0"):
        ledger.open()


def test_another_key_or_name_does_not_append(ledger: Ledger, engine: Engine, key: Ed25519PrivateKey) -> None:
    ledger.open()
    stranger = Ledger(engine, Ed25519PrivateKey.from_private_bytes(bytes(32)), "ledger.example/tests")
    renamed = Ledger(engine, key, "ledger.example/renamed")
    for other in (stranger, renamed):
        with pytest.raises(RecordError, match="checkpoint 1: carries no signature of the key"):
            other.append("action", actor="a", subject="b")


def test_a_file_that_cannot_be_written_loses_no_entry(ledger: Ledger, engine: Engine, tmp_path: Path) -> None:
    ledger.checkpoint_file = tmp_path / "gone" / "kept"
    ledger.append("action", actor="a", subject="b")
    assert "the database has the entries; only this copy of the checkpoint is old" in str(ledger.unpublished)
    assert total(engine) == 2 and verify(engine).holds
    with pytest.raises(StorageError, match="only this copy of the checkpoint is old"):
        ledger.open()
    ledger.checkpoint_file = tmp_path / "kept"
    ledger.append("action", actor="a", subject="b")
    assert ledger.unpublished is None and (tmp_path / "kept").is_file()


def test_two_ledgers_take_turns(ledger: Ledger, engine: Engine, key: Ed25519PrivateKey) -> None:
    other = Ledger(engine, key, "ledger.example/tests")
    writers: list[Callable[[], int]] = [
        lambda one=one: one.append("action", actor="a", subject="b").sequence  # type: ignore[misc]
        for one in (ledger, other)
    ]
    assert [writers[turn % 2]() for turn in range(8)] == list(range(1, 9))
    assert verify(engine, public_key=ledger.verifier).holds


def test_a_transaction_waits_for_the_other(ledger: Ledger, database: Path, key: Ed25519PrivateKey) -> None:
    impatient = create_engine(f"sqlite:///{database}", connect_args={"timeout": 0.05})
    other = Ledger(impatient, key, "ledger.example/tests")
    with ledger.transaction() as connection:
        ledger.append_in(connection, "action", actor="a", subject="b")
        with pytest.raises(OperationalError, match="database is locked"):
            other.append("action", actor="a", subject="b")
    assert other.append("action", actor="a", subject="b").sequence == 2
    impatient.dispose()


def test_an_engine_that_begins_transactions_itself_is_fine(
    ledger: Ledger, database: Path, key: Ed25519PrivateKey
) -> None:
    engine = create_engine(f"sqlite:///{database}")

    @event.listens_for(engine, "connect")
    def take_over(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    ledger.open()
    other = Ledger(engine, key, "ledger.example/tests")
    assert other.append("action", actor="a", subject="b").sequence == 1
    assert verify(engine).holds
    engine.dispose()


def test_a_name_that_no_note_can_hold_is_refused(engine: Engine, key: Ed25519PrivateKey) -> None:
    with pytest.raises(ConfigError, match="'my ledger' cannot name a ledger"):
        Ledger(engine, key, "my ledger")


def test_an_append_reads_no_old_entries(ledger: Ledger, engine: Engine) -> None:
    """Rows of the past that would make any reader stumble do not matter to it."""
    ledger.extend(some(20))
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_entries SET body = 7, hash = 7 WHERE sequence < 20"))
    assert ledger.append("action", actor="a", subject="b").sequence == 21
    assert not verify(engine).holds
