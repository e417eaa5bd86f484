"""The key that signs checkpoints: made once, kept in a file that others cannot read; its public half to hand out."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ledger.note import Verifier
from stillhouse.records.files import write_atomic, write_private

__all__ = ["load_public_key", "load_signing_key", "make_signing_key", "write_public_key"]

_OTHERS = 0o007


def make_signing_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to `path` as PEM (PKCS #8, not encrypted), readable by its owner alone.

    StorageError where something is at `path` already: a key that was in use is never replaced.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(path, pem, replace=False)
    return key


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in `path`. ConfigError for no key, an encrypted one, one of another kind, or a file that all can read."""
    pem = _read(path, "make one first")
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise ConfigError(f"{path}: the key is encrypted; give one that is not, in a file of mode 0600") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{path}: not a private key in PEM form; give an Ed25519 key (PKCS #8)") from None
    if not isinstance(key, Ed25519PrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey").lstrip("_")
        raise ConfigError(f"{path}: is a key of kind {kind}; checkpoints are signed with Ed25519")
    mode = path.stat().st_mode
    if mode & _OTHERS:
        raise ConfigError(f"{path}: everybody on this machine may read it (mode {mode & 0o777:04o}); chmod 600 {path}")
    return key


def write_public_key(path: Path, verifier: Verifier) -> None:
    """Write the public half as one line, in the form that transparency tools take. Keep copies of it elsewhere."""
    write_atomic(path, f"{verifier}\n")


def load_public_key(path: Path) -> Verifier:
    """The public key in `path`; ConfigError where there is none in that form."""
    try:
        return Verifier.parse(_read(path, "give the ledger's public key").decode().strip())
    except (RecordError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}; give the ledger's public key as it was handed out") from None


def _read(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be read ({error.strerror}); {remedy}") from None
