"""The form of keys: random, recognisable, and with a checksum that a slip of the hand breaks."""

import base64
import secrets
import zlib

import pytest

from stillhouse.guard.access.secret import is_secret, new_secret


def test_a_key_of_known_bytes() -> None:
    """32 zero bytes; the checksum by hand: CRC-32 of the 49 characters before it, in base 62."""
    secret = new_secret(bytes)
    assert secret[:49] == "sk-sh-" + "A" * 43
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for character in secret[49:]:
        value = value * 62 + digits.index(character)
    assert value == zlib.crc32(secret[:49].encode()) and len(secret) == 55


def test_all_32_bytes_are_in_it() -> None:
    drawn = bytes(range(200, 232))
    secret = new_secret(lambda count: drawn[:count])
    assert base64.urlsafe_b64decode(secret[6:49] + "=") == drawn


def test_no_two_are_alike_and_all_are_recognised() -> None:
    made = {new_secret(secrets.token_bytes) for _ in range(1000)}
    assert len(made) == 1000 and all(map(is_secret, made))


@pytest.mark.parametrize("at", range(0, 55, 6))
def test_one_changed_character_is_noticed(at: int) -> None:
    secret = new_secret(bytes)
    assert not is_secret(secret[:at] + ("x" if secret[at] != "x" else "y") + secret[at + 1 :])


@pytest.mark.parametrize("text", ["", "sk-sh-", "sk-proj-" + "A" * 47, new_secret(bytes) + "A", "sk-sh-" + "é" * 49])
def test_what_is_none(text: str) -> None:
    assert not is_secret(text)
