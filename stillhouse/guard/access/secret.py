"""Keys as customers hold them: `sk-sh-`, 43 characters that are random, 6 that prove it is one of ours.

The prefix and the checksum are for scanners of leaked secrets: with them a key in a public repository is recognised
without asking anybody, and a word that only looks like one is not.
"""

import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable

__all__ = ["PREFIX", "is_secret", "new_secret"]

PREFIX = "sk-sh-"
_BYTES = 32
_RANDOM_CHARACTERS = 43
_CHECK_CHARACTERS = 6
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_secret(random: Callable[[int], bytes]) -> str:
    """A secret of 256 random bits; `random` gives that many bytes, fit for keys (`secrets.token_bytes`)."""
    body = PREFIX + urlsafe_b64encode(random(_BYTES)).rstrip(b"=").decode()
    return body + _checksum(body)


def is_secret(text: str) -> bool:
    """Whether `text` has the form of a secret and its checksum; says nothing about whether it is in use."""
    body, checksum = text[:-_CHECK_CHARACTERS], text[-_CHECK_CHARACTERS:]
    fits = text.isascii() and len(body) == len(PREFIX) + _RANDOM_CHARACTERS and body.startswith(PREFIX)
    return fits and checksum == _checksum(body)


def _checksum(body: str) -> str:
    """CRC-32 in six characters of base 62, most significant first."""
    number, characters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK_CHARACTERS):
        number, digit = divmod(number, 62)
        characters = _BASE62[digit] + characters
    return characters
