"""Every text comes back as it was; what providers send grows little."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stillhouse.guard.blobs.packing import pack, unpack


@settings(deadline=None)
@given(st.text() | st.text("0123456789abcdefABCDEF") | st.text("ab/+-_=Z\n ", max_size=12))
@example("")
@example("a")
@example("=")
@example("QQ==")
@example("QR==")  # spare bits
@example("QQ")
@example("QQ=")
@example("QQ===")
@example("QUJD=")
@example("Q-/_")
@example("\ud800")
def test_any_text_comes_back(text: str) -> None:
    assert unpack(pack(text)) == text


@settings(deadline=None)
@given(st.binary(min_size=1))
def test_what_is_base64_or_hex_takes_its_own_bytes_and_one(data: bytes) -> None:
    for text in (
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        base64.b64encode(data).decode().rstrip("="),
        data.hex(),
    ):
        assert len(pack(text)) <= len(data) + 1
        assert unpack(pack(text)) == text


@pytest.mark.parametrize("text", ["CmMYL3h!", "Grüße", "a b"])
def test_other_text_takes_its_length_and_one(text: str) -> None:
    assert len(pack(text)) == len(text.encode()) + 1
