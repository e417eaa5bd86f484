"""The file that holds the keys: made, read and changed here, and nowhere shown.

It is JSON with a format line, mode 0600. It is written in a folder that only its owner may enter until its own mode is
right, so that no moment shows it to others. Gateways that share customers need the same file.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from stillhouse.errors import ConfigError
from stillhouse.guard.blobs.keyring import HIGHEST_NUMBER, KEY_BYTES, BlobKey, Keyring
from stillhouse.records.files import write_private

__all__ = ["FORMAT", "load_keyring", "make_keyring", "retire_key", "rotate_keys"]

FORMAT = "stillhouse.blob-keys/1"

_OTHERS = 0o007


def make_keyring(path: Path, now: float) -> Keyring:
    """Make a ring of one key and write it to `path`; `now` is in seconds since 1970.

    ConfigError where something is there already: a ring in use is never replaced, since it opens what clients hold.
    """
    if path.exists():
        raise ConfigError(f"{path}: is there already; rotate its keys, or give another name")
    ring = Keyring((_new_key(1, now),), seals=1)
    _write(path, ring, replace=False)
    return ring


def load_keyring(path: Path) -> Keyring:
    """The ring in `path`. ConfigError for none, for a file of another kind, and for one that everybody may read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as error:
        raise ConfigError(
            f"{path}: the keys cannot be read ({error.strerror}); `stillhouse guard blob-key new {path}` makes some"
        ) from None
    if mode & _OTHERS:
        raise ConfigError(f"{path}: everybody on this machine may read it (mode {mode & 0o777:04o}); chmod 600 {path}")
    try:
        return _ring(orjson.loads(content))
    except _Fault as fault:
        reason = str(fault)
    except ValueError:  # no JSON, or no UTF-8. What stands there may be half a key, so none of it is quoted.
        reason = "it is not JSON"
    raise ConfigError(f"{path}: no file of blob keys, {reason}; put a copy of the right file back") from None


def rotate_keys(path: Path, now: float, *, prepare: bool = False) -> Keyring:
    """Add a key that seals from now on; those before go on opening. `now` is in seconds since 1970.

    With `prepare` the new key only opens, so that it can reach every gateway before any of them seals with it; the next
    call without `prepare` makes it seal instead of adding another. Raises ConfigError as `load_keyring` does.
    """
    ring = load_keyring(path)
    keys, newest = tuple(ring.keys), ring.keys[-1].number
    if prepare or newest == ring.seals:
        newest = ring.highest + 1
        if newest > HIGHEST_NUMBER:
            raise ConfigError(f"{path}: has had {HIGHEST_NUMBER} keys, the most there can be; make a new file")
        keys = (*keys, _new_key(newest, now))
    changed = Keyring(keys, seals=ring.seals if prepare else newest, retired=ring.retired)
    _write(path, changed, replace=True)
    return changed


def retire_key(path: Path, number: int) -> Keyring:
    """Take key `number` out: what it sealed is refused from then on.

    ConfigError where there is no such key, or where it is the one that seals.
    """
    ring = load_keyring(path)
    known = [key.number for key in ring.keys]
    if number not in known:
        raise ConfigError(f"{path}: has no key {number}; it has {', '.join(map(str, known))}")
    if number == ring.seals:
        raise ConfigError(f"{path}: key {number} is the one that seals; rotate first")
    changed = Keyring(
        tuple(key for key in ring.keys if key.number != number),
        seals=ring.seals,
        retired=tuple(sorted([*ring.retired, number])),
    )
    _write(path, changed, replace=True)
    return changed


def _new_key(number: int, now: float) -> BlobKey:
    made = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return BlobKey(number, made, AESSIV.generate_key(KEY_BYTES * 8))


def _write(path: Path, ring: Keyring, *, replace: bool) -> None:
    value = {
        "format": FORMAT,
        "seals": ring.seals,
        "keys": [
            {"number": key.number, "made": key.made, "key": base64.b64encode(key.secret).decode()} for key in ring.keys
        ],
        "retired": list(ring.retired),
    }
    write_private(path, json.dumps(value, indent=2) + "\n", replace=replace)


class _Fault(ValueError):
    """What is wrong with a key file, without a word of what is in it."""


def _ring(value: Any) -> Keyring:
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise _Fault(f"its format is not {FORMAT}")
    entries, seals, retired = value.get("keys"), value.get("seals"), value.get("retired", [])
    if not isinstance(entries, list) or not entries:
        raise _Fault("it has no keys")
    keys = sorted((_key(entry) for entry in entries), key=lambda key: key.number)
    numbers = [key.number for key in keys]
    if not isinstance(retired, list) or not all(_is_number(number) for number in retired):
        raise _Fault("`retired` is not a list of numbers")
    for number in numbers:
        if numbers.count(number) > 1 or number in retired:
            raise _Fault(f"number {number} is there twice")
    if seals not in numbers:
        raise _Fault("`seals` is not the number of one of its keys")
    return Keyring(tuple(keys), seals=seals, retired=tuple(retired))


def _key(entry: Any) -> BlobKey:
    if not isinstance(entry, Mapping):
        raise _Fault("a key is not an object")
    number: Any = entry.get("number")
    made, text = entry.get("made"), entry.get("key")
    if not _is_number(number):
        raise _Fault(f"a key's number is not one of 1 to {HIGHEST_NUMBER}")
    if not isinstance(made, str) or not isinstance(text, str):
        raise _Fault(f"key {number} lacks `made` or `key`")
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES or len(set(secret)) == 1:
        raise _Fault(f"key {number} is not {KEY_BYTES} random bytes in base64")
    return BlobKey(number, made, secret)


def _is_number(value: Any) -> bool:
    return type(value) is int and 1 <= value <= HIGHEST_NUMBER
