"""A key file that only its owner reads, and one line for every file that is none."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from stillhouse.errors import ConfigError, StorageError
from stillhouse.guard.ledger.note import Signer
from stillhouse.guard.ledger.signing_key import load_public_key, load_signing_key, make_signing_key, write_public_key


def test_a_made_key_is_its_owner_s_alone_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.pem"
    made = make_signing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_signing_key(path).private_bytes_raw() == made.private_bytes_raw()
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.pem"]


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ledger.pem"
    make_signing_key(path)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"ledger\.pem: File exists; give a path where nothing is yet"):
        make_signing_key(path)
    assert path.read_bytes() == before
    with pytest.raises(StorageError, match="make the folder first"):
        make_signing_key(tmp_path / "nowhere" / "ledger.pem")


def pem(key: object, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)  # type: ignore[attr-defined]
    return data


def write(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_faulty_key_files_are_named(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path = tmp_path / "ledger.pem"
    with pytest.raises(ConfigError, match=r"ledger\.pem: the key cannot be read \(No such file or directory\)"):
        load_signing_key(path)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for data, fault in [
        (b"", "not a private key in PEM form"),
        (public, "not a private key in PEM form"),
        (pem(key, b"secret"), "the key is encrypted"),
        (
            pem(generate_private_key(SECP256R1())),
            r"is a key of kind EC; checkpoints are signed with Ed25519",
        ),
    ]:
        with pytest.raises(ConfigError, match=rf"^[^\n]*ledger\.pem: {fault}[^\n]*$"):
            load_signing_key(write(path, data))


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_key_that_all_can_read_is_refused(tmp_path: Path, key: Ed25519PrivateKey, mode: int) -> None:
    path = write(tmp_path / "ledger.pem", pem(key), mode)
    with pytest.raises(ConfigError, match=rf"may read it \(mode {mode:04o}\); chmod 600 "):
        load_signing_key(path)


def test_a_key_of_a_group_is_read(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    """As containers get it from a secret store."""
    assert (
        load_signing_key(write(tmp_path / "ledger.pem", pem(key), 0o640)).private_bytes_raw() == key.private_bytes_raw()
    )


def test_the_public_half_comes_back(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path, verifier = tmp_path / "ledger.pub", Signer("ledger.example", key).verifier
    write_public_key(path, verifier)
    assert path.read_text(encoding="utf-8") == f"{verifier}\n"
    assert load_public_key(path) == verifier
    for data in (b"", b"\xff\n", pem(key)):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=r"ledger\.pub: .*give the ledger's public key"):
            load_public_key(path)
