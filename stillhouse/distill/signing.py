"""A signature over a student's folder: who has it can tell that not a byte was changed since.

`model-signing` (the OpenSSF Model Signing specification, github.com/ossf/model-signing-spec) hashes every file,
lists the digests in one statement, and signs the statement with an elliptic-curve key; nothing goes over a network.
Keys are opened here before the library opens them, because the wrong kind of key must be named as such.
"""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.errors import ConfigError, RecordError
from stillhouse.records import write_atomic

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

__all__ = ["NOT_COVERED", "SIGNATURE", "sign_folder", "verify_folder"]

SIGNATURE = "model.sig"
NOT_COVERED = f"{SIGNATURE}, git's files (.git, .github, .gitattributes, .gitignore) and what the signer left out"
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def sign_folder(folder: Path, key: Path, *, password: str | None = None) -> Path:
    """Sign all files of `folder` with the private key (PEM) in `key`; the path of the signature, `folder/model.sig`.

    Left out are an earlier `model.sig`, which is replaced, and git's own files (`.git`, `.gitattributes`, ...).
    ConfigError for a folder without files, with a symbolic link or a pipe, and for a key that cannot sign or lies in
    `folder`.
    """
    _require_library()
    from model_signing import hashing, signing

    _check_files(folder)
    _check_private_key(key, password)
    if key.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{key}: the private key lies in the folder that it signs; move it out before you share that")
    config = signing.Config().set_hashing_config(hashing.Config().set_ignored_paths(paths=[SIGNATURE]))
    secret: Any = None if password is None else password.encode()  # declared as str, handed on to who wants bytes
    config.use_elliptic_key_signer(private_key=key, password=secret)
    with tempfile.TemporaryDirectory() as scratch:
        config.sign(folder, Path(scratch, SIGNATURE))
        write_atomic(folder / SIGNATURE, Path(scratch, SIGNATURE).read_bytes())
    return folder / SIGNATURE


def verify_folder(folder: Path, key: Path, signature: Path | None = None) -> list[str]:
    """Why the signature does not hold, a line for each file that differs; empty where it holds.

    `key` is the signer's public key (PEM), `signature` defaults to `folder/model.sig`. A file that was added counts
    as a difference unless it is `NOT_COVERED`. ConfigError where folder, key or signature is missing or the key is of
    the wrong kind, RecordError where the file is no signature that a key made.
    """
    _require_library()
    from cryptography.exceptions import InvalidSignature
    from model_signing import manifest, verifying

    class Verification(verifying.Config):
        """Keeps what differs apart from the library's message, which holds it as a printed list."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.differences: list[str] = []

        def _get_manifest_diff(self, actual: manifest.Manifest, expected: manifest.Manifest) -> list[str]:
            self.differences = _differences(actual, expected)
            return self.differences

    signature = signature or folder / SIGNATURE
    _check_files(folder)
    _check_public_key(key)
    _check_signature(signature)
    verification = Verification()
    verification.use_elliptic_key_verifier(public_key=key)
    try:
        verification.verify(folder, signature)
    except InvalidSignature:
        return [f"{signature}: was altered, or not made with the private key of {key}"]
    except (
        ValueError,
        LookupError,
        RecursionError,
    ) as error:  # how the library tells of all else, a malformed statement included
        reason = " ".join(str(error).split()).rstrip(".")
        return verification.differences or [f"{signature}: does not hold ({reason})"]
    return []


def _differences(actual: Any, expected: Any) -> list[str]:
    """A line for each file that is not what was signed, in order of name."""
    found, signed = (
        {item.identifier: item.digest for item in one.resource_descriptors()} for one in (actual, expected)
    )
    kinds = [
        (signed.keys() - found.keys(), "is missing"),
        (found.keys() - signed.keys(), "was added after signing"),
        (
            {name for name in found.keys() & signed.keys() if found[name] != signed[name]},
            "differs from what was signed",
        ),
    ]
    return sorted(f"{name}: {what}" for names, what in kinds for name in names)


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; give the folder of a student")
    inside = list(folder.rglob("*"))
    for path in (folder, *inside):
        if path.is_symlink():
            raise ConfigError(
                f"{path}: is a symbolic link, which a signature cannot cover; put a copy of the file there"
            )
        if not (path.is_file() or path.is_dir()):
            raise ConfigError(f"{path}: is neither a file nor a folder, so it cannot be signed; take it out")
    if not any(path.is_file() for path in inside):
        raise ConfigError(f"{folder}: holds no files; give the folder of a student")


def _check_signature(path: Path) -> None:
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such signature; sign the folder with `stillhouse distill sign`, or give --signature"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be read as a signature ({error}); sign the folder again") from None
    material = bundle.get("verificationMaterial") if isinstance(bundle, dict) else None
    if not isinstance(material, dict) or not isinstance(bundle.get("dsseEnvelope"), dict):
        raise RecordError(f"{path}: is JSON but no signature of a model; sign the folder again")
    if not isinstance(material.get("publicKey"), dict):
        raise RecordError(f"{path}: was made with a certificate, not a key; verify it with the `model_signing` command")


def _check_private_key(path: Path, password: str | None) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content, secret = _read_key(path), None if password is None else password.encode()
    try:
        key = load_pem_private_key(content, secret)
    except TypeError:  # a password is missing, or there is none to give
        state = "is not encrypted; leave out" if password is not None else "is encrypted; name its password with"
        raise ConfigError(f"{path}: the key {state} --password-env") from None
    except (ValueError, UnsupportedAlgorithm):
        wrong = "not a private key in PEM form" + ("" if password is None else ", or the password is wrong")
        raise ConfigError(f"{path}: {wrong}; give an elliptic-curve private key") from None
    _check_curve(path, key)


def _check_public_key(path: Path) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _read_key(path)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{path}: not a public key in PEM form; give the signer's public key") from None
    _check_curve(path, key)


def _check_curve(path: Path, key: "PrivateKeyTypes | PublicKeyTypes") -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    if not isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").lstrip("_")
        raise ConfigError(
            f"{path}: is a key of kind {kind}; give an elliptic-curve key ({', '.join(_CURVES.values())})"
        )
    if key.curve.name not in _CURVES:
        raise ConfigError(f"{path}: its curve is {key.curve.name}; give a key of {', '.join(_CURVES.values())}")


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be read ({error.strerror}); give the path of a PEM file") from None


def _require_library() -> None:
    try:
        import model_signing.signing  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"signing needs {error.name}, which is not installed; pip install 'stillhouse[sign]'"
        ) from None
