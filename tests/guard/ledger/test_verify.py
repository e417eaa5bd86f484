"""Each change is named where it was made, and what cannot be found is said."""

import random
import re
import sqlite3
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from recipes.ledger_tampering.tamperings import Forger
from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ledger import database as database_module
from stillhouse.guard.ledger import store
from stillhouse.guard.ledger.checkpoint import Checkpoint
from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.entry import Event
from stillhouse.guard.ledger.note import Signer, parse_note, sign_note
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.ledger.verify import verify

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def filled(ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """30 entries with checkpoints at 8, 16, 24 and 30."""
    monkeypatch.setattr(store, "SPACING", 8)
    ledger.open()
    for number in range(1, 30):
        ledger.append("action", actor="guard", subject=f"account-{number}")
    engine.dispose()
    return ledger


def change(database: Path, *statements: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def faults(database: Path, ledger: Ledger, kept: str | None = None) -> list[str]:
    return [str(fault) for fault in verify(database, public_key=ledger.verifier, checkpoint=kept).faults]


def test_a_ledger_as_it_should_be(filled: Ledger, database: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    kept = read_checkpoint(tmp_path / "kept.checkpoint")
    report = verify(database, public_key=filled.verifier, checkpoint=kept, on_entry=seen.append)
    assert report.holds and report.faults == () and seen == list(range(30))
    assert (report.entries, report.checkpoints, report.kept) == (30, 4, 30)
    assert (report.origin, report.key) == ("ledger.example/tests", str(filled.verifier))
    assert [limit[:30] for limit in report.limits] == ["whoever has the private key ca"]
    assert report.to_record()["holds"] is True


def test_pages_make_no_difference(filled: Ledger, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verify(database, public_key=filled.verifier)
    for page in (1, 3, 15, 30):
        monkeypatch.setattr(database_module, "_PAGE", page)
        assert verify(database, public_key=filled.verifier) == whole


BODY = "CAST(replace(body, 'account-5', 'account-6') AS BLOB)"
FOUND = {
    f"UPDATE ledger_entries SET body = {BODY} WHERE sequence = 5": [
        "entry 5: its body is not the one that its hash was made of"
    ],
    "UPDATE ledger_entries SET hash = zeroblob(32) WHERE sequence = 5": [
        "entry 5: its body is not the one that its hash was made of",
        "entry 6: does not follow the entry before it (column previous)",
        "entry 6: its body does not follow the entry before it",
        "checkpoint 8: signs other entries: something from entry 0 on was changed",
        "checkpoint given 30: the first 30 entries are not the ones that it signs",
    ],
    "UPDATE ledger_entries SET hash = zeroblob(32) WHERE sequence = 29": [
        "entry 29: its body is not the one that its hash was made of",
        "checkpoint 30: signs other entries: something from entry 24 on was changed",
        "checkpoint given 30: the first 30 entries are not the ones that it signs",
    ],
    "UPDATE ledger_entries SET previous = zeroblob(32) WHERE sequence = 5": [
        "entry 5: does not follow the entry before it (column previous)"
    ],
    "DELETE FROM ledger_entries WHERE sequence = 0": [
        "entry 1: entry 0 is missing before it",
        "entry 1: does not follow the entry before it (column previous)",
        "entry 1: its body does not follow the entry before it",
        "checkpoint given 30: the first 30 entries are not the ones that it signs",
        "ledger: names no key that is the one given, KEY",
    ],
    "DELETE FROM ledger_entries WHERE sequence IN (9, 10, 11)": [
        "entry 12: entries 9 to 11 are missing before it",
        "entry 12: does not follow the entry before it (column previous)",
        "entry 12: its body does not follow the entry before it",
        "checkpoint given 30: the first 30 entries are not the ones that it signs",
    ],
    "DELETE FROM ledger_entries WHERE sequence > 20": [
        "checkpoint 24: entries were cut off: the ledger ends with entry 20",
        "checkpoint 30: entries were cut off: the ledger ends with entry 20",
        "checkpoint given 30: entries were cut off: the ledger ends with entry 20",
    ],
    "DELETE FROM ledger_checkpoints WHERE size = 30": ["entry 24: from here on no checkpoint covers the ledger"],
    "DELETE FROM ledger_checkpoints WHERE size = 16": ["checkpoint 24: the stored one before it is 8, it was 16"],
    "DELETE FROM ledger_checkpoints": ["entry 0: from here on no checkpoint covers the ledger"],
    "UPDATE ledger_checkpoints SET note = 'x' WHERE size = 16": [
        "checkpoint 16: its note: not a signed note: it has no text, blank line and signatures"
    ],
    "UPDATE ledger_checkpoints SET size = 15 WHERE size = 16": [
        "checkpoint 15: its note is about 16 entries",
        "checkpoint 24: the stored one before it is 15, it was 16",
    ],
    "UPDATE ledger_checkpoints SET note = note || '— other AAAAAAAA' || char(10) WHERE size = 16": [
        "checkpoint 16: carries 2 signatures instead of 1"
    ],
    "UPDATE ledger_entries SET sequence = -3 WHERE sequence = 0": [
        "entry -3: stands before the first entry, which is 0",
        "entry -3: its body says that it is entry 0",
        "entry 1: entry 0 is missing before it",
    ],
    "UPDATE ledger_entries SET body = 5 WHERE sequence = 3": [
        "entry 3: its body is not the one that its hash was made of",
        "entry 3: not JSON in UTF-8 (Expecting value: line 1 column 1 (char 0))",
    ],
    "UPDATE ledger_checkpoints SET note = zeroblob(3) WHERE size = 8": [
        "checkpoint 8: its note: not a signed note: it has no text, blank line and signatures"
    ],
    "UPDATE ledger_checkpoints SET note = CAST(x'ff' AS TEXT) WHERE size = 8": [
        "ledger: the database cannot be read on: Could not decode to UTF-8 column 'note' with text '\ufffd'"
    ],
}


@pytest.mark.parametrize("statement", FOUND)
def test_each_change_is_named(filled: Ledger, database: Path, tmp_path: Path, statement: str) -> None:
    kept = read_checkpoint(tmp_path / "kept.checkpoint")
    change(database, statement)
    found = [one.replace(str(filled.verifier), "KEY") for one in faults(database, filled, kept)]
    assert found == FOUND[statement]


def test_an_emptied_ledger(filled: Ledger, database: Path) -> None:
    change(database, "DELETE FROM ledger_entries", "DELETE FROM ledger_checkpoints")
    found = faults(database, filled)
    assert found[0] == "ledger: is empty: it was never opened, or everything was taken out"
    assert found[1].startswith("ledger: names no key that is the one given, ledger.example/tests+")


def test_many_faults_are_counted_and_the_first_ones_listed(filled: Ledger, engine: Engine, database: Path) -> None:
    filled.extend([Event(kind="action", actor="a", subject="b")] * 500)
    engine.dispose()
    change(database, "UPDATE ledger_entries SET previous = zeroblob(32)")
    report = verify(database)
    assert (len(report.faults), report.fault_count) == (100, 529)


def rewrite(database: Path, *, name_own_key: bool) -> None:
    """Everything made anew with one actor changed, signed by a stranger."""
    connection = sqlite3.connect(database)
    with connection:
        forger = Forger(connection, random.Random(0), STRANGER)
        records = forger.records()
        records[5]["actor"] = "somebody"
        if name_own_key:
            records[0]["details"]["public_key"] = str(Signer(records[0]["details"]["origin"], STRANGER).verifier)
        forger.sign(forger.replace(records), records[-1]["time"])
    connection.close()


def test_what_only_a_key_or_a_checkpoint_kept_elsewhere_can_show(
    filled: Ledger, database: Path, tmp_path: Path
) -> None:
    kept = read_checkpoint(tmp_path / "kept.checkpoint")
    rewrite(database, name_own_key=True)
    alone = verify(database)
    assert alone.holds  # as the module says
    assert alone.limits[0].startswith("signatures were checked with the key that the ledger names itself")
    assert alone.limits[1].startswith("no checkpoint was given")
    with_key = faults(database, filled)
    assert len(with_key) == 1 and with_key[0].startswith("ledger: names no key that is the one given")
    with_checkpoint = [str(fault) for fault in verify(database, checkpoint=kept).faults]
    assert with_checkpoint[0].startswith("checkpoint given 30: carries no signature of the key")
    assert with_checkpoint[1] == "checkpoint given 30: the first 30 entries are not the ones that it signs"


def test_a_stranger_s_signature_is_found_without_any_key(filled: Ledger, database: Path) -> None:
    rewrite(database, name_own_key=False)
    assert [str(fault)[:49] for fault in verify(database).faults] == [
        "checkpoint 30: carries no signature of the key le"
    ]


def test_an_older_state_needs_a_checkpoint(ledger: Ledger, engine: Engine, database: Path, tmp_path: Path) -> None:
    ledger.open()
    engine.dispose()
    older, first = database.read_bytes(), read_checkpoint(tmp_path / "kept.checkpoint")
    ledger.append("action", actor="a", subject="b")
    engine.dispose()
    assert (
        verify(database, public_key=ledger.verifier, checkpoint=first)
        .limits[0]
        .startswith("the checkpoint given ends at")
    )
    newest = read_checkpoint(tmp_path / "kept.checkpoint")
    database.write_bytes(older)
    assert verify(database, public_key=ledger.verifier, checkpoint=first).holds
    assert faults(database, ledger, newest) == [
        "checkpoint given 2: entries were cut off: the ledger ends with entry 0"
    ]


def test_a_checkpoint_of_another_ledger(filled: Ledger, database: Path) -> None:
    other = Signer("ledger.example/other", STRANGER)
    found = faults(database, filled, sign_note(Checkpoint("ledger.example/other", 3, bytes(32)).text(), [other]))
    assert [one.partition(": ")[2][:35] for one in found] == [
        "is of 'ledger.example/other', the l",
        "carries no signature of the key led",
        "the first 3 entries are not the one",
    ]
    with pytest.raises(RecordError, match="the checkpoint given: not a signed note"):
        verify(database, checkpoint="yesterday")


def test_a_signed_checkpoint_that_ends_with_another_entry(
    filled: Ledger, database: Path, key: Ed25519PrivateKey
) -> None:
    """Which only a fault of the writer, or whoever has the key, can make."""
    connection = sqlite3.connect(database)
    with connection:
        (note,) = connection.execute("SELECT note FROM ledger_checkpoints WHERE size = 30").fetchone()
        text = re.sub(r"(?m)^last .*$", f"last {b64encode(bytes(32)).decode()}", parse_note(note).text)
        signed = sign_note(text, [Signer("ledger.example/tests", key)])
        connection.execute("UPDATE ledger_checkpoints SET note = ? WHERE size = 30", (signed,))
    connection.close()
    assert faults(database, filled) == ["checkpoint 30: signs other entries: something from entry 24 on was changed"]


def test_a_broken_index_is_found(filled: Ledger, database: Path) -> None:
    change(
        database,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET rootpage = 2 WHERE name = 'ledger_entries_hash'",
    )
    assert any("ledger: the database" in one for one in faults(database, filled))


def test_reading_changes_nothing(filled: Ledger, database: Path) -> None:
    before = database.read_bytes()
    verify(database)
    assert database.read_bytes() == before
    assert sorted(one.name for one in database.parent.iterdir()) == ["guard.db", "kept.checkpoint"]


def test_places_that_hold_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.db: no such database"):
        verify(tmp_path / "absent.db")
    with pytest.raises(ConfigError, match=r"'oracle://\.\.\.' is no database URL that can be opened"):
        verify("oracle://u:secret@h/x")
    empty, text = tmp_path / "empty.db", tmp_path / "text.db"
    empty.touch()
    with pytest.raises(RecordError, match=r"empty\.db: has no table ledger_checkpoints and ledger_entries"):
        verify(empty)
    text.write_text("not a database" * 100, encoding="utf-8")
    with pytest.raises(RecordError, match=r"text\.db: cannot be read as a database \(file is not a database\)"):
        verify(text)
    with pytest.raises(RecordError, match="cannot be read as a database"):
        verify("postgresql+pg8000://nobody@127.0.0.1:1/none")
