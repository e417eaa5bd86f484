"""Against the notes of the Go reference implementation (golang.org/x/mod/sumdb/note) and of the c2sp.org pages."""

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.ledger.note import Signer, Verifier, parse_note, sign_note

TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def peter() -> Signer:
    return Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SECRET))


def test_a_note_is_signed_as_the_reference_implementation_signs_it() -> None:
    assert str(peter().verifier) == PETER
    assert sign_note(TEXT, [peter()]) == f"{TEXT}\n{PETER_LINE}"


def test_notes_of_others_are_read() -> None:
    note = parse_note(f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}")
    assert note.text == TEXT and [one.name for one in note.signatures] == ["PeterNeumann", "EnochRoot"]
    assert note.fault(Verifier.parse(PETER)) is None and note.fault(Verifier.parse(ENOCH)) is None
    assert parse_note(FOO_NOTE).fault(Verifier.parse(FOO)) is None


def test_a_text_may_hold_blank_lines() -> None:
    text = "a\n\n\nb\n"
    assert parse_note(sign_note(text, [peter()])).text == text


def test_a_changed_text_does_not_hold() -> None:
    note = parse_note(f"{TEXT.replace('answer', 'reply')}\n{PETER_LINE}")
    assert note.fault(Verifier.parse(PETER)) == f"its signature of the key {PETER} is false"


def test_a_signature_of_another_key_says_nothing() -> None:
    note = parse_note(f"{TEXT}\n{ENOCH_LINE}")
    assert note.fault(Verifier.parse(PETER)) == f"carries no signature of the key {PETER}"


def test_one_false_signature_of_a_known_key_spoils_the_note() -> None:
    false = sign_note("another text\n", [peter()]).rpartition("\n\n")[2]
    assert parse_note(f"{TEXT}\n{PETER_LINE}{false}").fault(Verifier.parse(PETER)) is not None


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n{PETER_LINE[:-1]}",
        f"{TEXT}{PETER_LINE}",
        f"{TEXT}\n{PETER_LINE}more\n",
        f"{TEXT}\n{PETER_LINE.replace('— ', '- ')}",
        f"{TEXT}\n{PETER_LINE.replace('— ', '—  ')}",
        f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Peter Neumann')}",
        f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Peter+Neumann')}",
        f"{TEXT}\n{PETER_LINE.replace('AM=', 'AN=')}",  # the same bytes in other words
        f"{TEXT}\n— PeterNeumann x08go\n",
        f"{TEXT}\n— PeterNeumann x08goA==\n",
        f"a\tb\n\n{PETER_LINE}",
        f"a\r\n\n{PETER_LINE}",
        f"{TEXT}\n{PETER_LINE * 101}",
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(RecordError, match="signed note"):
        parse_note(note)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("PeterNeumann", "PeterNewmann"),
        PETER.replace("PeterNeumann", ""),
        PETER[:-4],
        PETER.replace("+AR", "+BR"),
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match=r"not an Ed25519 key|the key id is"):
        Verifier.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00"])
def test_a_name_that_a_note_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a ledger"):
        Signer(name, Ed25519PrivateKey.from_private_bytes(PETER_SECRET))


@pytest.mark.parametrize("text", ["", "a", "a\tb\n"])
def test_only_a_text_of_whole_lines_is_signed(text: str) -> None:
    with pytest.raises(ValueError, match="no text of a note"):
        sign_note(text, [peter()])
