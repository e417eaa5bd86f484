"""Ways to change a ledger behind its back: what somebody can do who may write the database and has not the key.

From the clumsy (one column) to the thorough: everything made anew as the guard itself would make it, and signed with
another key.
"""

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recipes.ledger_tampering.ledger import Honest
from stillhouse.guard.ledger.canonical import canonical_json
from stillhouse.guard.ledger.entry import NO_ENTRY
from stillhouse.guard.ledger.merkle import Frontier, leaf_hash
from stillhouse.guard.ledger.note import Signer, parse_note, sign_note
from stillhouse.guard.ledger.tip import Tip

__all__ = ["FLIP", "KINDS", "ROLL_BACK", "rows", "tamper"]

FLIP = "flip a byte of the file"
ROLL_BACK = "put an older state back"
Record = dict[str, Any]


@dataclass
class Forger:
    """The copy under work."""

    connection: sqlite3.Connection
    rng: random.Random
    key: Ed25519PrivateKey

    def records(self) -> list[Record]:
        return [
            json.loads(body) for (body,) in self.connection.execute("SELECT body FROM ledger_entries ORDER BY sequence")
        ]

    def replace(self, records: list[Record]) -> list[bytes]:
        """Put these in place of all entries, numbered and linked anew; their hashes."""
        self.connection.execute("DELETE FROM ledger_entries")
        last, hashes = NO_ENTRY, []
        for number, record in enumerate(records):
            body = canonical_json(record | {"sequence": number, "previous": last.hex()})
            row = (number, body, last, leaf_hash(body))
            self.connection.execute("INSERT INTO ledger_entries VALUES (?, ?, ?, ?)", row)
            last = leaf_hash(body)
            hashes.append(last)
        return hashes

    def sign(self, hashes: list[bytes], time: str) -> None:
        """One checkpoint over all entries, with a key of one's own."""
        edge = Frontier()
        for leaf in hashes:
            edge = edge.append(leaf)
        (note,) = self.connection.execute("SELECT note FROM ledger_checkpoints ORDER BY size DESC").fetchone()
        origin = parse_note(note).text.split("\n")[0]
        text = Tip(time, 0, hashes[-1], edge).checkpoint(origin).text()
        self.connection.execute("DELETE FROM ledger_checkpoints")
        self.connection.execute(
            "INSERT INTO ledger_checkpoints VALUES (?, ?)", (edge.size, sign_note(text, [Signer(origin, self.key)]))
        )

    def edited(self, records: list[Record]) -> int:
        """Change one field of one entry for good; which entry."""
        at = self.rng.randrange(1, len(records))
        record = records[at]
        field = self.rng.choice(["time", "kind", "actor", "subject", "details"])
        if field == "time":
            record["time"] = f"2020{record['time'][4:]}"
        elif field == "kind":
            record["kind"] = "appeal"
        elif field == "details":
            record["details"] = record["details"] | {"level": "none"}
        else:
            record[field] += "-other"
        return at


def _edit(forger: Forger, *, rehash: bool) -> None:
    records = forger.records()
    at = forger.edited(records)
    body = canonical_json(records[at])
    forger.connection.execute("UPDATE ledger_entries SET body = ? WHERE sequence = ?", (body, at))
    if rehash:
        forger.connection.execute("UPDATE ledger_entries SET hash = ? WHERE sequence = ?", (leaf_hash(body), at))


def _edit_column(forger: Forger) -> None:
    at = forger.rng.randrange(len(forger.records()))
    column = forger.rng.choice(["hash", "previous"])
    forger.connection.execute(
        f"UPDATE ledger_entries SET {column} = ? WHERE sequence = ?", (forger.rng.randbytes(32), at)
    )


def _edit_and_chain(forger: Forger) -> None:
    records = forger.records()
    forger.edited(records)
    forger.replace(records)


def _edit_and_sign(forger: Forger, *, name_own_key: bool) -> None:
    records = forger.records()
    forger.edited(records)
    if name_own_key:
        records = [record for record in records if record["kind"] != "checkpoint_key.rotated"]
        details = records[0]["details"]
        details["public_key"] = str(Signer(details["origin"], forger.key).verifier)
    forger.sign(forger.replace(records), records[-1]["time"])


def _delete(forger: Forger, *, most: int, chain: bool) -> None:
    records = forger.records()
    count = 1 if most == 1 else forger.rng.randint(2, min(most, len(records) // 2))
    first = forger.rng.randrange(0, len(records) - count)
    if chain:
        forger.replace(records[:first] + records[first + count :])
    else:
        forger.connection.execute(
            "DELETE FROM ledger_entries WHERE sequence >= ? AND sequence < ?", (first, first + count)
        )


def _insert(forger: Forger, *, at_end: bool) -> None:
    records = forger.records()
    at = len(records) if at_end else forger.rng.randrange(1, len(records))
    new = dict(forger.rng.choice(records[1:])) | {"kind": "review", "actor": "somebody"}
    forger.replace([*records[:at], new, *records[at:]])


def _swap(forger: Forger, *, chain: bool) -> None:
    records = forger.records()
    one, other = forger.rng.sample(range(len(records)), 2)
    if chain:
        records[one], records[other] = records[other], records[one]
        forger.replace(records)
        return
    for sequence, target in ((one, -1), (other, one), (-1, other)):
        forger.connection.execute("UPDATE ledger_entries SET sequence = ? WHERE sequence = ?", (target, sequence))


def _cut(forger: Forger, *, checkpoints: bool) -> None:
    total = len(forger.records())
    end = forger.rng.randrange(1, total)
    forger.connection.execute("DELETE FROM ledger_entries WHERE sequence >= ?", (end,))
    if checkpoints:
        forger.connection.execute("DELETE FROM ledger_checkpoints WHERE size > ?", (end,))


def _cut_at_checkpoint(forger: Forger) -> None:
    (end,) = forger.connection.execute("SELECT min(size) FROM ledger_checkpoints").fetchone()
    forger.connection.execute("DELETE FROM ledger_entries WHERE sequence >= ?", (end,))
    forger.connection.execute("DELETE FROM ledger_checkpoints WHERE size > ?", (end,))


def _other_key(forger: Forger) -> None:
    found = forger.connection.execute("SELECT size, note FROM ledger_checkpoints").fetchall()
    size, note = forger.rng.choice(found)
    text = parse_note(note).text
    mine = sign_note(text, [Signer(text.split("\n")[0], forger.key)])
    forger.connection.execute("UPDATE ledger_checkpoints SET note = ? WHERE size = ?", (mine, size))


def _drop_checkpoint(forger: Forger) -> None:
    sizes = [size for (size,) in forger.connection.execute("SELECT size FROM ledger_checkpoints")]
    forger.connection.execute("DELETE FROM ledger_checkpoints WHERE size = ?", (forger.rng.choice(sizes),))


KINDS: dict[str, Callable[[Forger], None]] = {
    "edit a field": lambda forger: _edit(forger, rehash=False),
    "edit a field, hash made anew": lambda forger: _edit(forger, rehash=True),
    "edit a field, all later entries made anew": _edit_and_chain,
    "the same, signed with another key": lambda forger: _edit_and_sign(forger, name_own_key=False),
    "the same, the first entry names that key": lambda forger: _edit_and_sign(forger, name_own_key=True),
    "edit a hash column": _edit_column,
    "delete an entry": lambda forger: _delete(forger, most=1, chain=False),
    "delete an entry, all later ones made anew": lambda forger: _delete(forger, most=1, chain=True),
    "delete a range": lambda forger: _delete(forger, most=50, chain=False),
    "delete a range, all later ones made anew": lambda forger: _delete(forger, most=50, chain=True),
    "insert an entry, all later ones made anew": lambda forger: _insert(forger, at_end=False),
    "append an entry without the key": lambda forger: _insert(forger, at_end=True),
    "swap two entries": lambda forger: _swap(forger, chain=False),
    "swap two entries, all later ones made anew": lambda forger: _swap(forger, chain=True),
    "cut the end off": lambda forger: _cut(forger, checkpoints=False),
    "cut the end off, its checkpoints too": lambda forger: _cut(forger, checkpoints=True),
    "cut the end off behind a checkpoint": _cut_at_checkpoint,
    "sign a checkpoint with another key": _other_key,
    "delete a checkpoint": _drop_checkpoint,
}


def tamper(kind: str, honest: Honest, copy: Path, rng: random.Random, key: Ed25519PrivateKey) -> None:
    """Make `copy` from the honest ledger, tampered with in one way: one of KINDS, FLIP, or ROLL_BACK."""
    copy.write_bytes(honest.database.read_bytes())
    if kind == FLIP:
        data = bytearray(honest.database.read_bytes())
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        copy.write_bytes(data)
    elif kind == ROLL_BACK:
        copy.write_bytes(honest.older.read_bytes())
    else:
        connection = sqlite3.connect(copy)
        try:
            with connection:
                KINDS[kind](Forger(connection, rng, key))
        finally:
            connection.close()


def rows(database: Path) -> object:
    """Every row of both tables, or what SQLite says where they cannot be read: what a reader of the file sees."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return [
            connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("ledger_entries", "ledger_checkpoints")
        ]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return str(error)
    finally:
        connection.close()
