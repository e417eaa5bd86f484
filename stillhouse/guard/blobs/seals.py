"""The seal itself: a text goes in with its owner and its place, and comes out as another text that only we can open.

AES-SIV (RFC 5297) is deterministic: the same blob seals to the same text, so what clients send stays byte for byte the
same and prompt caches keep working; nothing is lost where a nonce would repeat, because there is none. The owner is
inside of the seal and is compared after opening. That binds as firmly as associated data would, since nobody without
the key can make a seal with another owner in it, and it tells whose blob it is.

    blob   shb1. BASE64            several may stand one behind the other: a blob that came in pieces
    id     PREFIX_ shb1_ BASE64    `resp_68a1...` stays recognisable as an id of its kind
    BASE64 (url-safe, bare) of     key number (2) | SIV (16) | ciphertext of
                                   owner's length (1) | number of anchors (1) | owner | anchors | packed text

The associated data are this format's name, the kind of blob, and an id's prefix: no seal fits in another place.
"""

import base64
import binascii
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from stillhouse.guard.blobs.anchors import ANCHOR_BYTES
from stillhouse.guard.blobs.keyring import Keyring
from stillhouse.guard.blobs.packing import pack, unpack
from stillhouse.guard.blobs.refusals import refused

__all__ = ["ID", "Opened", "Seals", "is_sealed_id"]

ID = "id"
"""The kind of every id; other kinds are names of blobs."""

_DOMAIN = b"stillhouse.blob/1"
_BLOB_MARK = "shb1."
_ID_MARK = "shb1_"
_PREFIX = re.compile(r"[a-z]{1,16}_")
_HEAD_BYTES = 2 + 16


class Opened(NamedTuple):
    """What was under a seal. `anchors` are those of its conversation, one behind the other; none bind it to none."""

    owner: str
    anchors: bytes
    text: str


class Seals:
    """Seals and opens with the keys of a ring."""

    def __init__(self, keyring: Keyring) -> None:
        self._ciphers = keyring.ciphers()
        self._number = keyring.seals

    def seal(self, kind: str, text: str, owner: str, anchors: bytes = b"") -> str:
        """`text` sealed for `owner`. ValueError for an owner longer than 255 bytes."""
        if kind != ID:
            return _BLOB_MARK + self._sealed(kind, "", text, owner, anchors)
        found = _PREFIX.match(text)
        prefix = found.group() if found else ""
        return prefix + _ID_MARK + self._sealed(kind, prefix, text[len(prefix) :], owner, anchors)

    def open(self, kind: str, text: str, where: str) -> list[Opened]:
        """What is under the seals of `text`; one, or several where a blob came in pieces.

        Raises BlobRefusal with `where` for what was never sealed, was altered, or has a key that is not in the ring.
        """
        if kind != ID:
            if not text.startswith(_BLOB_MARK):
                raise refused("blob.not_ours", where)
            # The dot is in no base64, so every mark is one.
            return [self._opened(kind, "", piece, where) for piece in text[len(_BLOB_MARK) :].split(_BLOB_MARK)]
        if not is_sealed_id(text):
            raise refused("blob.not_ours", where)
        prefix, _, rest = text.partition(_ID_MARK)
        owner, anchors, name = self._opened(kind, prefix, rest, where)
        return [Opened(owner, anchors, prefix + name)]

    def _sealed(self, kind: str, prefix: str, text: str, owner: str, anchors: bytes) -> str:
        name = owner.encode()
        content = bytes((len(name), len(anchors) // ANCHOR_BYTES)) + name + anchors + pack(text)
        sealed = self._ciphers[self._number].encrypt(content, _bound(kind, prefix))
        return base64.urlsafe_b64encode(self._number.to_bytes(2, "big") + sealed).rstrip(b"=").decode()

    def _opened(self, kind: str, prefix: str, text: str, where: str) -> Opened:
        try:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raise refused("blob.altered", where) from None
        # Python's decoder passes over foreign characters and spare bits; a seal has one spelling.
        if len(data) <= _HEAD_BYTES or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
            raise refused("blob.altered", where)
        cipher = self._ciphers.get(int.from_bytes(data[:2], "big"))
        if cipher is None:
            raise refused("blob.unknown_key", where)
        try:
            content = cipher.decrypt(data[2:], _bound(kind, prefix))
        except InvalidTag:
            raise refused("blob.altered", where) from None
        start = 2 + content[0]
        end = start + content[1] * ANCHOR_BYTES
        return Opened(content[2:start].decode(), content[start:end], unpack(content[end:]))


def is_sealed_id(text: str) -> bool:
    """Whether it has the form of a sealed id; whether the seal holds is not looked at."""
    prefix, mark, _ = text.partition(_ID_MARK)
    return bool(mark) and (not prefix or _PREFIX.fullmatch(prefix) is not None)


def _bound(kind: str, prefix: str) -> list[bytes]:
    return [_DOMAIN, kind.encode(), prefix.encode()]
