"""Signing a folder: what was changed is named, whoever changed it, and a key of the wrong kind is one line."""

import base64
import builtins
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from stillhouse.distill.signing import sign_folder, verify_folder
from stillhouse.errors import ConfigError, RecordError
from tests.command import Command

KEYS: dict[str, Callable[[], Any]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "other": lambda: ec.generate_private_key(ec.SECP256R1()),
    "k256": lambda: ec.generate_private_key(ec.SECP256K1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`NAME.pem` and `NAME.pub` for each of KEYS, and `locked.pem` with a password."""
    folder = tmp_path_factory.mktemp("keys")
    for name, make in KEYS.items():
        key = make()
        (folder / f"{name}.pem").write_bytes(key.private_bytes(PEM, PKCS8, serialization.NoEncryption()))
        public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub").write_bytes(public)
    locked = ec.generate_private_key(ec.SECP256R1())
    encryption = serialization.BestAvailableEncryption(b"open sesame")
    (folder / "locked.pem").write_bytes(locked.private_bytes(PEM, PKCS8, encryption))
    public = locked.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "locked.pub").write_bytes(public)
    return folder


@pytest.fixture
def student(tmp_path: Path) -> Path:
    folder = tmp_path / "student"
    (folder / "more").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 100)
    (folder / "more" / "note.txt").write_text("below")
    return folder


@pytest.mark.parametrize("curve", ["p256", "p384", "p521"])
def test_an_untouched_folder_holds(curve: str, student: Path, keys: Path) -> None:
    signature = sign_folder(student, keys / f"{curve}.pem")
    assert signature == student / "model.sig"
    assert sorted(path.name for path in student.iterdir()) == ["config.json", "model.safetensors", "model.sig", "more"]
    assert verify_folder(student, keys / f"{curve}.pub") == []


def test_the_statement_lists_every_file_but_the_signature(student: Path, keys: Path) -> None:
    sign_folder(student, keys / "p256.pem")
    bundle = json.loads(sign_folder(student, keys / "p256.pem").read_text())  # the second covers no earlier signature
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    names = [resource["name"] for resource in statement["predicate"]["resources"]]
    assert names == ["config.json", "model.safetensors", "more/note.txt"]
    assert verify_folder(student, keys / "p256.pub") == []


def test_the_librarys_own_command_agrees(student: Path, keys: Path) -> None:
    def model_signing(*words: str | Path) -> int:
        return subprocess.run([sys.executable, "-m", "model_signing", *words], capture_output=True).returncode

    signature = sign_folder(student, keys / "p256.pem")
    there: list[str | Path] = ["--signature", signature]
    check: list[str | Path] = ["verify", "key", student, *there, "--public_key", keys / "p256.pub"]
    assert model_signing(*check) == 0
    flip_one_bit(student)
    assert model_signing(*check) != 0
    assert model_signing("sign", "key", student, *there, "--private_key", keys / "p256.pem") == 0
    assert verify_folder(student, keys / "p256.pub") == []


def flip_one_bit(folder: Path) -> None:
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[12345] ^= 1
    (folder / "model.safetensors").write_bytes(weights)


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "bit": (flip_one_bit, ["model.safetensors: differs from what was signed"]),
    "gone": (lambda folder: (folder / "more" / "note.txt").unlink(), ["more/note.txt: is missing"]),
    "new": (lambda folder: (folder / "run.py").write_text("x"), ["run.py: was added after signing"]),
    "swapped": (
        lambda folder: (folder / "config.json").rename(folder / "settings.json"),
        ["config.json: is missing", "settings.json: was added after signing"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_named(change: str, student: Path, keys: Path) -> None:
    sign_folder(student, keys / "p256.pem")
    alter, lines = CHANGES[change]
    alter(student)
    assert verify_folder(student, keys / "p256.pub") == lines


def test_a_moved_folder_and_a_signature_elsewhere_hold(student: Path, keys: Path, tmp_path: Path) -> None:
    sign_folder(student, keys / "p256.pem").rename(tmp_path / "kept.sig")
    moved = student.rename(tmp_path / "elsewhere")
    assert verify_folder(moved, keys / "p256.pub", tmp_path / "kept.sig") == []
    flip_one_bit(moved)
    assert verify_folder(moved, keys / "p256.pub", tmp_path / "kept.sig") == [
        "model.safetensors: differs from what was signed"
    ]


def test_another_key_does_not_hold(student: Path, keys: Path) -> None:
    sign_folder(student, keys / "p256.pem")
    [line] = verify_folder(student, keys / "other.pub")
    assert line.startswith(f"{student}/model.sig: does not hold (Key mismatch: ")


def test_a_statement_rewritten_to_fit_does_not_hold(student: Path, keys: Path) -> None:
    """Whoever alters a file can put its digest in the statement, but cannot sign that."""
    path = sign_folder(student, keys / "p256.pem")
    honest = json.loads(path.read_text())
    flip_one_bit(student)
    forged = json.loads(sign_folder(student, keys / "other.pem").read_text())
    honest["dsseEnvelope"]["payload"] = forged["dsseEnvelope"]["payload"]
    path.write_text(json.dumps(honest))
    assert verify_folder(student, keys / "p256.pub") == [
        f"{path}: was altered, or not made with the private key of {keys}/p256.pub"
    ]


def test_a_signature_without_signatures_does_not_hold(student: Path, keys: Path) -> None:
    path = sign_folder(student, keys / "p256.pem")
    bundle = json.loads(path.read_text())
    bundle["dsseEnvelope"]["signatures"] = []
    path.write_text(json.dumps(bundle))
    [line] = verify_folder(student, keys / "p256.pub")
    assert line.startswith(f"{path}: does not hold (")


def test_a_key_with_a_password(student: Path, keys: Path) -> None:
    sign_folder(student, keys / "locked.pem", password="open sesame")
    assert verify_folder(student, keys / "locked.pub") == []


@pytest.mark.parametrize(
    ("name", "password", "fault"),
    [
        ("none.pem", None, "the key cannot be read (No such file or directory); give the path of a PEM file"),
        ("p256.pub", None, "not a private key in PEM form; give an elliptic-curve private key"),
        ("rsa.pem", None, "is a key of kind RSA; give an elliptic-curve key (P-256, P-384, P-521)"),
        ("ed25519.pem", None, "is a key of kind Ed25519; give an elliptic-curve key (P-256, P-384, P-521)"),
        ("k256.pem", None, "its curve is secp256k1; give a key of P-256, P-384, P-521"),
        ("locked.pem", None, "the key is encrypted; name its password with --password-env"),
        ("p256.pem", "secret", "the key is not encrypted; leave out --password-env"),
        (
            "locked.pem",
            "wrong",
            "not a private key in PEM form, or the password is wrong; give an elliptic-curve private key",
        ),
    ],
)
def test_a_key_that_cannot_sign(name: str, password: str | None, fault: str, student: Path, keys: Path) -> None:
    with pytest.raises(ConfigError) as error:
        sign_folder(student, keys / name, password=password)
    assert str(error.value) == f"{keys / name}: {fault}"
    assert not (student / "model.sig").exists()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("p256.pem", "not a public key in PEM form; give the signer's public key"),
        ("rsa.pub", "is a key of kind RSA; give an elliptic-curve key (P-256, P-384, P-521)"),
        ("k256.pub", "its curve is secp256k1; give a key of P-256, P-384, P-521"),
    ],
)
def test_a_key_that_cannot_verify(name: str, fault: str, student: Path, keys: Path) -> None:
    sign_folder(student, keys / "p256.pem")
    with pytest.raises(ConfigError) as error:
        verify_folder(student, keys / name)
    assert str(error.value) == f"{keys / name}: {fault}"


def test_the_private_key_may_not_be_signed_along(student: Path, keys: Path) -> None:
    inside = shutil.copy(keys / "p256.pem", student / "more")
    with pytest.raises(ConfigError, match=r"the private key lies in the folder that it signs; move it out"):
        sign_folder(student, Path(inside))


def test_folders_that_cannot_be_signed(student: Path, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (student / "more" / "link").symlink_to(student / "config.json")
    for folder, fault in [
        (tmp_path / "nowhere", r"nowhere: no such folder; give the folder of a student"),
        (student / "config.json", r"config\.json: no such folder"),
        (tmp_path / "empty", r"empty: holds no files"),
        (student, r"more/link: is a symbolic link, which a signature cannot cover; put a copy"),
    ]:
        with pytest.raises(ConfigError, match=fault):
            sign_folder(folder, keys / "p256.pem")


def test_a_pipe_cannot_be_signed(student: Path, keys: Path) -> None:
    signature = sign_folder(student, keys / "p256.pem")
    os.mkfifo(student / "more" / "pipe")
    for act in (lambda: sign_folder(student, keys / "p256.pem"), lambda: verify_folder(student, keys / "p256.pub")):
        with pytest.raises(
            ConfigError, match=r"more/pipe: is neither a file nor a folder, so it cannot be signed; take"
        ):
            act()
    (student / "more" / "pipe").unlink()
    assert signature.is_file() and verify_folder(student, keys / "p256.pub") == []


def test_files_that_git_adds_are_no_difference(student: Path, keys: Path) -> None:
    sign_folder(student, keys / "p256.pem")
    for name in (".git", ".github", "new"):
        (student / name).mkdir()
    for name in (".git/config", ".github/hook.yml", ".gitignore", ".gitattributes"):
        (student / name).write_text("added")
    assert verify_folder(student, keys / "p256.pub") == []
    (student / "new" / ".gitignore").write_text("added")
    assert verify_folder(student, keys / "p256.pub") == ["new/.gitignore: was added after signing"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("not json", "cannot be read as a signature"),
        ("[" * 200_000, "cannot be read as a signature"),
        ("[]", "is JSON but no signature of a model"),
        ('{"verificationMaterial": {}}', "is JSON but no signature of a model"),
        ('{"verificationMaterial": {"certificate": {}}, "dsseEnvelope": {}}', "was made with a certificate, not a key"),
    ],
)
def test_a_file_that_is_no_signature(content: str, fault: str, student: Path, keys: Path) -> None:
    (student / "model.sig").write_text(content)
    with pytest.raises(RecordError, match=fault):
        verify_folder(student, keys / "p256.pub")


def test_a_missing_signature(student: Path, keys: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.sig: no such signature; sign the folder with .*, or give --signa"):
        verify_folder(student, keys / "p256.pub")


def test_a_missing_library_is_one_line(student: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("model_signing"):
            raise ModuleNotFoundError(f"No module named '{name}'", name="model_signing")
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"^signing needs model_signing, .*; pip install 'stillhouse\[sign\]'$"):
        sign_folder(student, keys / "p256.pem")


def test_commands(command: Command, student: Path, keys: Path) -> None:
    assert command("distill", "verify", student, "--key", keys / "p256.pub").fault.startswith(
        f"{student}/model.sig: no"
    )
    done = command("distill", "sign", student, "--key", keys / "p256.pem")
    assert (done.code, done.out) == (0, f"{student}/model.sig: signed with {keys}/p256.pem\n")
    done = command("distill", "verify", student, "--key", keys / "p256.pub")
    assert (done.code, done.err) == (0, "") and done.out == (
        f"{student}: every file is as it was signed with the key of {keys}/p256.pub; not covered: model.sig, "
        "git's files (.git, .github, .gitattributes, .gitignore) and what the signer left out\n"
    )
    flip_one_bit(student)
    done = command("distill", "verify", student, "--key", keys / "p256.pub")
    assert (done.code, done.out) == (1, "model.safetensors: differs from what was signed\n")
    done = command("distill", "verify", student, "--key", keys / "p256.pub", "--json")
    assert done.code == 1 and json.loads(done.out)["holds"] is False
    fault = command("distill", "sign", student, "--key", keys / "locked.pem", "--password-env", "NO_SUCH_NAME").fault
    assert fault == "--password-env: the variable NO_SUCH_NAME is not set; export it, or leave this out"
