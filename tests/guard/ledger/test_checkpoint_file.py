"""The copy of the newest checkpoint never goes back."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillhouse.errors import ConfigError, RecordError, StorageError
from stillhouse.guard.ledger.checkpoint import Checkpoint
from stillhouse.guard.ledger.checkpoint_file import keep_newest, kept_checkpoint, read_checkpoint
from stillhouse.guard.ledger.note import Signer, sign_note


def note(key: Ed25519PrivateKey, size: int) -> str:
    return sign_note(Checkpoint("a", size, bytes(32)).text(), [Signer("a", key)])


def test_only_a_newer_one_replaces_it(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path = tmp_path / "kept"
    assert kept_checkpoint(path) is None
    for size in (3, 9, 4):
        keep_newest(path, note(key, size), size)
    assert read_checkpoint(path) == note(key, 9)
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_what_is_no_checkpoint_is_not_replaced(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path = tmp_path / "kept"
    path.write_text("my notes\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"kept: not a signed note"):
        keep_newest(path, note(key, 3), 3)
    assert path.read_text(encoding="utf-8") == "my notes\n"


def test_a_folder_that_is_gone_is_named(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    with pytest.raises(StorageError, match=r"No such file.*only this copy of the checkpoint is old"):
        keep_newest(tmp_path / "gone" / "kept", note(key, 3), 3)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"\xff")
    for name in ("kept", "absent"):
        with pytest.raises(ConfigError, match=f"{name}: no checkpoint can be read there"):
            read_checkpoint(tmp_path / name)
