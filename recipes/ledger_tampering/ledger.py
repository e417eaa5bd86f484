"""An honest ledger to tamper with, and honest writers."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine

from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.entry import Event, Kind
from stillhouse.guard.ledger.note import Verifier
from stillhouse.guard.ledger.signing_key import load_signing_key, make_signing_key
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.state.tables import metadata

__all__ = ["Honest", "append_many", "make_ledger"]

ORIGIN = "ledger.example/tampering"
KINDS: tuple[Kind, ...] = ("action", "review", "key.created", "account.changed", "policy.changed", "log.removed")


@dataclass(frozen=True)
class Honest:
    """A ledger as it was left: its file, an older whole copy of it, and what somebody keeps elsewhere."""

    database: Path
    older: Path
    public_key: Verifier
    checkpoint: str
    entries: int
    appends_per_second: float


def event(rng: random.Random, number: int) -> Event:
    details: dict[str, Any] = {
        "level": rng.choice(["observe", "slow", "strip", "verify", "suspend"]),
        "e_value": round(rng.expovariate(0.01), 3),
        "because": ["shards of one stream", "no payload twice"][: rng.randint(1, 2)],
        "evidence": [f"x-{rng.randrange(10**9):09d}" for _ in range(rng.randint(1, 4))],
    }
    return Event(kind=rng.choice(KINDS), actor="guard", subject=f"account-{number % 97:03d}", details=details)


def make_ledger(folder: Path, entries: int, seed: int) -> Honest:
    """A ledger of `entries` in `folder`, appended one by one, with a change of key on the way."""
    rng = random.Random(seed)
    database, kept = folder / "ledger.db", folder / "kept" / "ledger.checkpoint"
    kept.parent.mkdir()
    engine = create_engine(f"sqlite:///{database}")
    metadata.create_all(engine)
    ledger = Ledger(engine, make_signing_key(folder / "first.pem"), ORIGIN, checkpoint_file=kept)
    ledger.open()
    half = entries // 2
    for number in range(1, half):
        one = event(rng, number)
        ledger.append(one.kind, actor=one.actor, subject=one.subject, details=one.details)
    ledger = ledger.rotate(make_signing_key(folder / "second.pem"))
    older = folder / "older.db"
    start = time.perf_counter()
    for number in range(half + 1, entries):
        one = event(rng, number)
        ledger.append(one.kind, actor=one.actor, subject=one.subject, details=one.details)
        if number == entries * 3 // 4:
            older.write_bytes(database.read_bytes())
    seconds = time.perf_counter() - start
    engine.dispose()
    return Honest(database, older, ledger.verifier, read_checkpoint(kept), entries, (entries - half - 1) / seconds)


def append_many(database: Path, key: Path, checkpoint: Path, count: int, name: str) -> None:
    """What one gateway does: append `count` entries, each in a transaction of its own."""
    engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": 60})
    private: Ed25519PrivateKey = load_signing_key(key)
    ledger = Ledger(engine, private, ORIGIN, checkpoint_file=checkpoint)
    for number in range(count):
        ledger.append("review", actor=name, subject=f"account-{number:03d}")
    engine.dispose()
