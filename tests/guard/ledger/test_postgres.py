"""The same ledger on Postgres: several gateways at once, changes found, one state for who reads meanwhile."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, create_engine, text

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.ledger.proof import prove, verify_proof
from stillhouse.guard.ledger.signing_key import make_signing_key
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.state.tables import metadata
from tests.guard.ledger.writers import release, start

ORIGIN = "ledger.example/tests"


@pytest.fixture
def server(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_two_processes_and_a_kill(server: Engine, postgres_url: str, tmp_path: Path) -> None:
    key, kept = tmp_path / "ledger.pem", tmp_path / "kept.checkpoint"
    ledger = Ledger(server, make_signing_key(key), ORIGIN)
    killed = start(postgres_url, key, kept, 100_000, "killed")
    release(killed)
    assert killed.stdout is not None
    for _ in range(10):
        killed.stdout.readline()
    killed.kill()
    killed.communicate(timeout=60)
    writers = [start(postgres_url, key, kept, 40, name) for name in ("a", "b")]
    release(*writers)
    printed = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    found = [entry.sequence for entry in list_entries(server) if entry.actor in "ab"]
    assert sorted(int(number) for numbers in printed for number in numbers) == found and len(found) == 80
    report = verify(postgres_url, public_key=ledger.verifier, checkpoint=read_checkpoint(kept))
    assert report.faults == () and report.kept == report.entries


def test_a_transaction_waits_for_the_other(server: Engine, key: Ed25519PrivateKey) -> None:
    first, second = (Ledger(server, key, ORIGIN) for _ in range(2))
    order: list[str] = []

    def append() -> None:
        second.append("review", actor="second", subject="b")
        order.append("second")

    with first.transaction() as connection:  # holds the ledger before anything is appended
        thread = threading.Thread(target=append)
        thread.start()
        time.sleep(0.2)
        first.append_in(connection, "review", actor="first", subject="b")
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert [entry.actor for entry in list_entries(server)] == ["ledger", "first", "second"]


def test_transactions_of_the_callers_own_wait_too(server: Engine, key: Ed25519PrivateKey) -> None:
    def append(name: str) -> None:
        ledger = Ledger(server, key, ORIGIN)
        for _ in range(15):
            with server.begin() as connection:
                ledger.append_in(connection, "review", actor=name, subject="b")

    threads = [threading.Thread(target=append, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify(server)
    assert report.faults == () and report.entries == 31


def test_a_reader_sees_one_state(server: Engine, key: Ed25519PrivateKey) -> None:
    ledger = Ledger(server, key, ORIGIN)
    ledger.open()
    done = threading.Event()

    def append() -> None:
        while not done.is_set():
            ledger.append("review", actor="a", subject="b")

    thread = threading.Thread(target=append)
    thread.start()
    try:
        reports = [verify(server, public_key=ledger.verifier) for _ in range(8)]
    finally:
        done.set()
        thread.join()
    assert all(report.faults == () for report in reports)
    assert reports[-1].entries > reports[0].entries


def test_changes_are_found_and_not_carried_on(server: Engine, key: Ed25519PrivateKey) -> None:
    ledger = Ledger(server, key, ORIGIN)
    for number in range(6):
        ledger.append("action", actor="guard", subject=f"account-{number}")
    assert verify_proof(prove(server, 3), ledger.verifier) == []
    with server.begin() as connection:
        connection.execute(text("UPDATE ledger_entries SET body = body || '\\x20' WHERE sequence = 6"))
    assert [str(fault) for fault in verify(server, public_key=ledger.verifier).faults] == [
        "entry 6: its body is not the one that its hash was made of",
        "entry 6: JSON, but not in its canonical form (RFC 8785)",
    ]
    with pytest.raises(RecordError, match="entry 6 is not the one that was signed"):
        ledger.append("action", actor="guard", subject="account-7")
    with server.begin() as connection:
        connection.execute(text("DELETE FROM ledger_entries WHERE sequence = 6"))
    assert not verify(server).holds


def test_a_rolled_back_change_leaves_no_entry(server: Engine, key: Ed25519PrivateKey) -> None:
    ledger = Ledger(server, key, ORIGIN)
    ledger.open()
    with pytest.raises(OSError, match="on the way"), ledger.transaction() as connection:
        ledger.append_in(connection, "key.created", actor="admin", subject="key-1")
        raise OSError("on the way")
    assert len(list_entries(server)) == 1
