"""Only what was sealed here opens, unchanged, in its own place; the same blob always seals to the same text."""

import base64
import re
import string

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.guard.blobs.refusals import BlobRefusal
from stillhouse.guard.blobs.seals import ID, Opened, Seals, is_sealed_id
from tests.guard.blobs.playing import blob, ring

SEALS = Seals(ring())
OWNERS = st.text(min_size=1, max_size=60).filter(lambda owner: len(owner.encode("utf-8", "replace")) < 256)
TEXTS = st.text(min_size=1) | st.binary(min_size=1).map(lambda data: base64.b64encode(data).decode())
ANCHORS = st.lists(st.binary(min_size=4, max_size=4), max_size=16).map(b"".join)


def rule(kind: str, text: str, seals: Seals = SEALS) -> str:
    with pytest.raises(BlobRefusal) as refusal:
        seals.open(kind, text, "here")
    assert refusal.value.kind == "permission" and refusal.value.param == "here"
    assert refusal.value.owner is None
    return refusal.value.rule


@settings(deadline=None)
@given(st.sampled_from(["signature", "data", "encrypted_content", ID]), TEXTS, OWNERS, ANCHORS)
def test_what_goes_in_comes_out(kind: str, text: str, owner: str, anchors: bytes) -> None:
    try:
        owner.encode()
    except UnicodeEncodeError:
        return
    sealed = SEALS.seal(kind, text, owner, anchors)
    assert SEALS.open(kind, sealed, "here") == [Opened(owner, anchors, text)]
    assert SEALS.seal(kind, text, owner, anchors) == sealed
    assert set(sealed) <= set(string.ascii_letters + string.digits + "-_.")
    assert text == sealed or text not in sealed or len(text) < 12


def test_a_seal_is_as_its_format_says() -> None:
    """Made here by hand: what clients hold must open in every later version."""
    key = ring().keys[0]
    content = b"\x05\x01" + b"alice" + b"\1\2\3\4" + b"\x02" + b"any bytes"
    sealed = AESSIV(key.secret).encrypt(content, [b"stillhouse.blob/1", b"signature", b""])
    text = "shb1." + base64.urlsafe_b64encode(b"\x00\x01" + sealed).decode().rstrip("=")
    assert SEALS.seal("signature", base64.b64encode(b"any bytes").decode(), "alice", b"\1\2\3\4") == text
    content = b"\x05\x00" + b"alice" + b"\x01" + b"\x00\xff"
    sealed = AESSIV(key.secret).encrypt(content, [b"stillhouse.blob/1", b"id", b"resp_"])
    text = "resp_shb1_" + base64.urlsafe_b64encode(b"\x00\x01" + sealed).decode().rstrip("=")
    assert SEALS.seal(ID, "resp_00ff", "alice") == text


@pytest.mark.parametrize("kind", ["signature", ID])
def test_no_changed_character_opens(kind: str) -> None:
    sealed = SEALS.seal(kind, "msg_" + "0a" * 24, "alice", b"abcd")
    alphabet = string.ascii_letters + string.digits + "-_.=+/ \n"
    for at, was in enumerate(sealed):
        for other in alphabet:
            if other != was:
                assert rule(kind, sealed[:at] + other + sealed[at + 1 :]) in {
                    "blob.altered",
                    "blob.not_ours",
                    "blob.unknown_key",
                }


def test_no_flipped_bit_opens() -> None:
    sealed = SEALS.seal("signature", blob("a", 40), "alice", b"abcd")
    data = base64.urlsafe_b64decode(sealed[5:] + "=" * (-len(sealed[5:]) % 4))
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        text = "shb1." + base64.urlsafe_b64encode(changed).decode().rstrip("=")
        assert rule("signature", text) == ("blob.unknown_key" if bit < 16 else "blob.altered")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_other_text_is_refused(text: str) -> None:
    assert rule("signature", text) == "blob.not_ours"
    assert rule("signature", "shb1." + text) in {"blob.altered", "blob.unknown_key"}
    assert rule(ID, text) == "blob.not_ours"
    assert rule(ID, "msg_shb1_" + text) in {"blob.altered", "blob.unknown_key"}


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 20, 60])
def test_a_cut_seal_does_not_open(cut: int) -> None:
    sealed = SEALS.seal("signature", blob("a"), "alice")
    assert rule("signature", sealed[:-cut]) == "blob.altered"
    assert rule("signature", sealed + "A" * cut) == "blob.altered"


def test_a_seal_fits_no_other_kind_and_no_other_prefix() -> None:
    sealed = SEALS.seal("data", blob("a"), "alice")
    assert rule("signature", sealed) == "blob.altered"
    assert rule(ID, sealed) == "blob.not_ours"
    reference = SEALS.seal(ID, "rs_" + "0a" * 24, "alice")
    assert rule(ID, "msg_" + reference.removeprefix("rs_")) == "blob.altered"
    assert rule(ID, reference.removeprefix("rs_")) == "blob.altered"
    assert rule("data", "shb1." + reference.removeprefix("rs_shb1_")) == "blob.altered"


def test_ids_stay_recognisable() -> None:
    for name, prefix in {"resp_68a1": "resp_", "rs_0b": "rs_", "msg_x": "msg_", "68a1": "", "Item_1": ""}.items():
        sealed = SEALS.seal(ID, name, "alice")
        assert sealed.startswith(f"{prefix}shb1_") and re.fullmatch(r"[A-Za-z0-9_-]+", sealed)
        assert is_sealed_id(sealed) and not is_sealed_id(name)
        assert SEALS.open(ID, sealed, "here")[0].text == name


def test_pieces_one_behind_the_other_open_in_order() -> None:
    pieces = [blob(name) for name in "abc"]
    text = "".join(SEALS.seal("signature", piece, "alice") for piece in pieces)
    assert [piece.text for piece in SEALS.open("signature", text, "here")] == pieces
    assert rule("signature", text + "shb1.") == "blob.altered"
    assert rule("signature", text.replace("shb1.", "shb1.shb1.", 1)) == "blob.altered"


def test_a_blob_grows_by_the_seal_alone() -> None:
    text = blob("a", 1536)
    assert len(text) == 2048
    assert len(SEALS.seal("signature", text, "account-12", b"abcdefgh")) - len(text) == 57
    assert len(SEALS.seal(ID, "resp_" + "0a" * 25, "account-12")) == 85


def test_a_seal_in_a_seal_opens_layer_by_layer() -> None:
    """Two gateways one behind the other."""
    outer = Seals(ring(salt="outer"))
    for kind, text in (("signature", blob("a")), (ID, "resp_" + "0a" * 25)):
        inner = SEALS.seal(kind, text, "outer-gateway")
        assert outer.open(kind, outer.seal(kind, inner, "alice"), "here") == [Opened("alice", b"", inner)]


def test_keys_are_exchanged() -> None:
    first, both, second = Seals(ring(1)), Seals(ring(1, 2)), Seals(ring(2))
    old, new = first.seal("data", "x", "alice"), both.seal("data", "x", "alice")
    assert both.open("data", old, "here") == both.open("data", new, "here") == second.open("data", new, "here")
    assert rule("data", old, second) == "blob.unknown_key"
    assert rule("data", new, first) == "blob.unknown_key"
    assert Seals(ring(1, 2, seals=1)).seal("data", "x", "alice") == old
    assert rule("data", old, Seals(ring(1, salt="other"))) == "blob.altered"


def test_owners_up_to_255_bytes() -> None:
    assert SEALS.open(ID, SEALS.seal(ID, "a_b", "é" * 127), "here")[0].owner == "é" * 127
    with pytest.raises(ValueError):
        SEALS.seal(ID, "a_b", "é" * 128)
