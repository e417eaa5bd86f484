"""Signed notes (c2sp.org/signed-note): a text, a blank line, and lines that each hold a key's signature of the text.

The form is that of the Go checksum database and of Sigstore's log, so tools that watch such logs can read ours. Keys
have the printed form of the same tools: `name+key id in hexadecimal+base64(0x01 || Ed25519 public key)`.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillhouse.errors import ConfigError, RecordError

__all__ = ["Note", "Signature", "Signer", "Verifier", "parse_note", "sign_note", "strict_base64"]

_ED25519 = b"\x01"
_MOST_SIGNATURES = 100  # as the reference implementation has it
_LINE = re.compile(r"— (?P<name>\S+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key (32 bytes) and the name that it signs under."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of its printed form; RecordError where it is none."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = strict_base64(encoded)
        if raw is None or len(raw) != 33 or raw[:1] != _ED25519 or not _is_name(name):
            raise RecordError("not an Ed25519 key in the form name+key id+base64")
        found = cls(name, raw[1:])
        if found.key_id.hex() != key_id:
            raise RecordError(f"the key id is {key_id!r}, and {found.key_id.hex()} by its name and key")
        return found


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the name that it signs under (no spaces, no plus: ConfigError)."""

    name: str
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ConfigError(
                f"'{self.name}' cannot name a ledger: give a name without spaces, plus or control characters, "
                "such as example.com/ledger"
            )

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who claims to have signed, and the bytes."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, its last newline included, and its signatures, none of them checked yet."""

    text: str
    signatures: tuple[Signature, ...]

    def fault(self, verifier: Verifier) -> str | None:
        """Why the note does not hold under this key; None where it does. Signatures of other keys are passed over."""
        mine = [one for one in self.signatures if (one.name, one.key_id) == (verifier.name, verifier.key_id)]
        if not mine:
            return f"carries no signature of the key {verifier}"
        key = Ed25519PublicKey.from_public_bytes(verifier.public)
        for one in mine:
            try:
                key.verify(one.value, self.text.encode())
            except InvalidSignature:
                return f"its signature of the key {verifier} is false"
        return None


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """The note with a line of each signer. The text ends with a newline and holds no other control character."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ValueError(f"no text of a note: {text!r}")
    lines = []
    for signer in signers:
        value = signer.verifier.key_id + signer.private.sign(text.encode())
        lines.append(f"— {signer.name} {b64encode(value).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def parse_note(note: str) -> Note:
    """The text and the signatures of a note; RecordError where it has not the form of one."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or _CONTROL.search(note):
        raise RecordError("not a signed note: it has no text, blank line and signatures")
    signatures = []
    for line in lines[:-1].split("\n"):
        found = _LINE.fullmatch(line)
        value = strict_base64(found["signature"]) if found else None
        if found is None or value is None or len(value) < 5 or not _is_name(found["name"]):
            raise RecordError(f"not a signed note: {line[:80]!r} is no signature line")
        signatures.append(Signature(found["name"], value[:4], value[4:]))
    if len(signatures) > _MOST_SIGNATURES:
        raise RecordError(f"a signed note with {len(signatures)} signatures; at most {_MOST_SIGNATURES} are read")
    return Note(text + "\n", tuple(signatures))


def strict_base64(text: str) -> bytes | None:
    """The bytes that `text` is the one standard base64 form of (RFC 4648, section 4), or None."""
    try:
        value = b64decode(text, validate=True)
    except ValueError:
        return None
    return value if b64encode(value).decode() == text else None


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not _CONTROL.search(name) and not any(c.isspace() for c in name)
