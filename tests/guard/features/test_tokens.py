"""Tokens: kinds come back, hashes are keyed, and no text stands in them."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.features.tokens import Kind, hasher, kind_of, token


@given(st.sampled_from(list(Kind)), st.integers(0, (1 << 64) - 1))
def test_the_kind_comes_back(kind: Kind, value: int) -> None:
    made = token(kind, value)
    assert kind_of(made) is kind and made % (1 << 56) == value % (1 << 56) and made < 1 << 64


def test_a_hash_is_blake2b_under_its_key() -> None:
    digest = blake2b(b"Haus am See", key=b"one key", digest_size=8).digest()
    assert hasher(b"one key")("Haus am See") == int.from_bytes(digest, "little")
    assert hasher(b"another")("Haus am See") != hasher(b"one key")("Haus am See")
    assert hasher(b"one key")("\ud800") != hasher(b"one key")("")


def test_kinds_keep_their_numbers_and_have_words() -> None:
    """A reference on disk holds the numbers."""
    assert [kind.value for kind in Kind] == list(range(1, 16))
    assert (Kind.SYSTEM, Kind.CLIENT, Kind.REGISTERED, Kind.ORGANISATION) == (1, 7, 14, 15)
    assert len({kind.label for kind in Kind}) == len(Kind)
    wording = {Kind.SYSTEM, Kind.SYSTEM_NEAR, Kind.WORDING, Kind.OPENING, Kind.ENDING, Kind.NEAR}
    assert {kind for kind in Kind if kind.is_wording} == wording
    assert {kind for kind in Kind if kind.is_open} == {Kind.PAYMENT, Kind.ORGANISATION}


def test_what_is_no_token_has_no_kind() -> None:
    with pytest.raises(ValueError, match="0 is not a valid Kind"):
        kind_of(5)
