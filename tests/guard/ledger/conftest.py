"""A ledger with a fixed key and a clock that stands still."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, create_engine, event

from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.state.tables import checkpoints, counters, entries, metadata

ORIGIN = "ledger.example/tests"


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "guard.db"


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{database}")
    event.listen(engine, "connect", _do_not_wait_for_the_disk)
    metadata.create_all(engine, tables=[entries, checkpoints, counters])
    yield engine
    engine.dispose()


def _do_not_wait_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """Nothing here has to survive a power cut; a killed process loses nothing by it."""
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def ledger(engine: Engine, key: Ed25519PrivateKey, tmp_path: Path) -> Ledger:
    """Empty; its checkpoint file is `kept.checkpoint` beside the database."""
    return Ledger(engine, key, ORIGIN, checkpoint_file=tmp_path / "kept.checkpoint", clock=lambda: 1_790_000_000.25)
