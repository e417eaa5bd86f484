"""A proof holds for its entry under its key and checkpoint, and for nothing else."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, text

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ledger.checkpoint_file import read_checkpoint
from stillhouse.guard.ledger.entry import Event
from stillhouse.guard.ledger.note import Signer
from stillhouse.guard.ledger.proof import entry_of_proof, prove, verify_proof
from stillhouse.guard.ledger.store import Ledger


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    ledger.extend([Event(kind="action", actor="guard", subject=f"account-{number}") for number in range(1, 12)])
    return ledger


def test_every_entry_can_be_proved(filled: Ledger, engine: Engine, tmp_path: Path) -> None:
    kept = read_checkpoint(tmp_path / "kept.checkpoint")
    for sequence in range(12):
        proof = json.loads(json.dumps(prove(engine, sequence)))
        assert verify_proof(proof, filled.verifier) == []
        assert verify_proof(proof, filled.verifier, checkpoint=kept) == []
        assert entry_of_proof(proof).sequence == sequence
    assert len(prove(engine, 0)["path"]) == 4


def test_a_proof_under_a_checkpoint_that_was_kept(filled: Ledger, engine: Engine, tmp_path: Path) -> None:
    kept = read_checkpoint(tmp_path / "kept.checkpoint")
    filled.append("action", actor="a", subject="b")
    newer, older = prove(engine, 3), prove(engine, 3, checkpoint=kept)
    assert verify_proof(older, filled.verifier, checkpoint=kept) == []
    assert verify_proof(newer, filled.verifier) == []
    (fault,) = verify_proof(newer, filled.verifier, checkpoint=kept)
    assert fault.startswith("its checkpoint is over 13 entries and is not the one given, over 12")
    with pytest.raises(ConfigError, match="entry 12: the checkpoint covers entries 0 to 11"):
        prove(engine, 12, checkpoint=kept)


def test_a_changed_proof_does_not_hold(filled: Ledger, engine: Engine) -> None:
    proof = prove(engine, 5)
    wrong = b64encode(bytes(32)).decode()
    changes: list[tuple[dict[str, Any], str]] = [
        ({"body": proof["body"].replace("account-5", "account-6")}, "its path does not lead from the entry"),
        ({"body": proof["body"].replace(",", ", ", 1)}, "its body is no entry"),
        ({"body": prove(engine, 6)["body"]}, "its body is entry 6, the proof is about 5"),
        ({"sequence": 6}, "its body is entry 5, the proof is about 6"),
        ({"path": proof["path"][:-1]}, "its path does not lead"),
        ({"path": [*proof["path"], wrong]}, "its path does not lead"),
        ({"path": [wrong, *proof["path"][1:]]}, "its path does not lead"),
        ({"checkpoint": proof["checkpoint"].replace("\n12\n", "\n13\n")}, "its checkpoint its signature of the key"),
    ]
    for change, fault in changes:
        assert any(found.startswith(fault) for found in verify_proof(proof | change, filled.verifier)), change


def test_another_key_does_not_vouch(filled: Ledger, engine: Engine) -> None:
    stranger = Signer("ledger.example/tests", Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier
    (fault,) = verify_proof(prove(engine, 5), stranger)
    assert fault.startswith("its checkpoint carries no signature of the key")


@pytest.mark.parametrize(
    "change",
    [
        {"v": "stillhouse.ledger-proof/2"},
        {"more": 1},
        {"body": 3},
        {"body": "\ud800"},
        {"path": "x"},
        {"path": [7]},
        {"path": ["AAAA"]},
        {"checkpoint": None},
        {"checkpoint": "x"},
    ],
)
def test_what_is_no_proof_is_refused(filled: Ledger, engine: Engine, change: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match=r"not a proof|not a signed note"):
        verify_proof(prove(engine, 5) | change, filled.verifier)


def test_a_changed_ledger_proves_nothing(filled: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_entries SET hash = zeroblob(32) WHERE sequence = 2"))
    with pytest.raises(RecordError, match="entry 5: the entries do not give the root of the checkpoint over 12"):
        prove(engine, 5)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ledger_entries WHERE sequence = 5"))
    with pytest.raises(RecordError, match="entry 5 is missing"):
        prove(engine, 5)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ledger_checkpoints"))
    with pytest.raises(RecordError, match="has no checkpoint"):
        prove(engine, 4)
