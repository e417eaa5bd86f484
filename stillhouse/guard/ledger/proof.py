"""A proof that one entry stands in a ledger, small enough to hand out: entry, path through the tree, signed checkpoint.

Whoever is struck by a decision, or has to judge it, can check with the public key alone that it was recorded so, then
and there, without seeing anybody else's entries.
"""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ledger.checkpoint import SignedCheckpoint, parse_checkpoint
from stillhouse.guard.ledger.database import (
    UNREADABLE,
    entry_hashes,
    entry_rows,
    newest_checkpoint,
    open_for_reading,
    reason,
    snapshot,
)
from stillhouse.guard.ledger.entry import Entry, entry_from_body
from stillhouse.guard.ledger.merkle import HASH_BYTES, inclusion_ranges, leaf_hash, roots_of, verify_inclusion
from stillhouse.guard.ledger.note import Verifier, strict_base64

__all__ = ["PROOF_FORMAT", "entry_of_proof", "prove", "verify_proof"]

PROOF_FORMAT = "stillhouse.ledger-proof/1"
_FIELDS = {"v", "sequence", "body", "path", "checkpoint"}


def prove(place: Engine | str | Path, sequence: int, *, checkpoint: str | None = None) -> dict[str, Any]:
    """The proof of one entry as JSON: under the ledger's newest checkpoint, or under one that was kept (its text).

    Reads the hashes of all entries. ConfigError for an entry that the checkpoint does not cover, RecordError where the
    entries do not give its root.
    """
    engine = place if isinstance(place, Engine) else open_for_reading(place)
    try:
        with snapshot(engine) as connection:
            return _prove(connection, sequence, checkpoint)
    except UNREADABLE as error:
        raise RecordError(f"the database cannot be read: {reason(error)}") from None
    finally:
        if engine is not place:
            engine.dispose()


def verify_proof(proof: Mapping[str, Any], public_key: Verifier, *, checkpoint: str | None = None) -> list[str]:
    """Why the proof does not hold; empty where it does. Needs no database.

    `checkpoint` is one (its text) that was kept; without it the one in the proof is believed if the key signed it.
    RecordError where it is no proof at all.
    """
    body, path = _parts(proof)
    signed = parse_checkpoint(proof["checkpoint"], "the proof's checkpoint")
    faults = _checkpoint_faults(signed, public_key, checkpoint)
    try:
        entry = entry_from_body(body)
    except RecordError as error:
        return [*faults, f"its body is no entry: {error}"]
    if entry.sequence != proof["sequence"]:
        faults.append(f"its body is entry {entry.sequence}, the proof is about {proof['sequence']}")
    size, root = signed.checkpoint.size, signed.checkpoint.root
    if not verify_inclusion(leaf_hash(body), entry.sequence, size, path, root):
        faults.append(f"its path does not lead from the entry to the root over {size} entries")
    return faults


def entry_of_proof(proof: Mapping[str, Any]) -> Entry:
    """The entry that a proof is about, not checked."""
    return entry_from_body(_parts(proof)[0])


def _prove(connection: Connection, sequence: int, checkpoint: str | None) -> dict[str, Any]:
    if checkpoint is None:
        row = newest_checkpoint(connection)
        if row is None:
            raise RecordError("the ledger has no checkpoint, so nothing in it can be proved")
        checkpoint = row.note
    signed = parse_checkpoint(checkpoint, "the checkpoint").checkpoint
    if not 0 <= sequence < signed.size:
        raise ConfigError(f"entry {sequence}: the checkpoint covers entries 0 to {signed.size - 1}; give one of these")
    row_of_entry = next(entry_rows(connection, sequence), None)
    if row_of_entry is None or row_of_entry.sequence != sequence:
        raise RecordError(f"entry {sequence} is missing; look with `stillhouse guard ledger verify`")
    try:
        path = roots_of(entry_hashes(connection), inclusion_ranges(sequence, signed.size))
    except ValueError:
        path = []
    body = row_of_entry.body
    if not verify_inclusion(leaf_hash(body), sequence, signed.size, path, signed.root):
        raise RecordError(
            f"entry {sequence}: the entries do not give the root of the checkpoint over {signed.size}; look with "
            "`stillhouse guard ledger verify`"
        )
    return {
        "v": PROOF_FORMAT,
        "sequence": sequence,
        "body": body.decode(),
        "path": [b64encode(node).decode() for node in path],
        "checkpoint": checkpoint,
    }


def _parts(proof: Mapping[str, Any]) -> tuple[bytes, list[bytes]]:
    """Body and path of what has the form of a proof."""
    if not isinstance(proof, Mapping) or proof.get("v") != PROOF_FORMAT or proof.keys() != _FIELDS:
        raise RecordError(f"not a proof: {PROOF_FORMAT} has the fields {', '.join(sorted(_FIELDS))}")
    body, path = proof["body"], proof["path"]
    if not isinstance(body, str) or not isinstance(proof["checkpoint"], str) or not isinstance(path, list):
        raise RecordError("not a proof: 'body' and 'checkpoint' are text, 'path' is a list")
    nodes = [strict_base64(node) if isinstance(node, str) else None for node in path]
    hashes = [node for node in nodes if node is not None and len(node) == HASH_BYTES]
    if len(hashes) != len(path):
        raise RecordError("not a proof: 'path' holds something that is no hash")
    try:
        return body.encode(), hashes
    except UnicodeEncodeError:
        raise RecordError("not a proof: 'body' holds half of a surrogate pair") from None


def _checkpoint_faults(signed: SignedCheckpoint, public_key: Verifier, kept: str | None) -> list[str]:
    faults = []
    if (fault := signed.note.fault(public_key)) is not None:
        faults.append(f"its checkpoint {fault}")
    if signed.checkpoint.origin != public_key.name:
        faults.append(f"its checkpoint is of '{signed.checkpoint.origin}', the key of '{public_key.name}'")
    if kept is None:
        return faults
    mine = parse_checkpoint(kept, "the checkpoint given")
    if (fault := mine.note.fault(public_key)) is not None:
        faults.append(f"the checkpoint given {fault}")
    if (mine.checkpoint.size, mine.checkpoint.root) != (signed.checkpoint.size, signed.checkpoint.root):
        faults.append(
            f"its checkpoint is over {signed.checkpoint.size} entries and is not the one given, over "
            f"{mine.checkpoint.size}; have the proof made for that one"
        )
    return faults
