"""The bytes of an entry, written out by hand, and everything that is no entry."""

import json
from typing import Any

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.entry import NO_ENTRY, Entry, body, entry_from_body

ENTRY = Entry(
    sequence=7,
    time="2026-09-21T13:33:20.250Z",
    kind="action",
    actor="guard",
    subject="account-1",
    details={"level": "slow", "e_value": 12.5},
    previous=bytes.fromhex("ab" * 32),
)
BODY = (
    b'{"actor":"guard","details":{"e_value":12.5,"level":"slow"},"kind":"action","previous":"' + b"ab" * 32 + b'",'
    b'"sequence":7,"subject":"account-1","time":"2026-09-21T13:33:20.250Z","v":"stillhouse.ledger/1"}'
)


def test_the_body_is_what_is_written_here() -> None:
    assert body(ENTRY) == BODY
    assert entry_from_body(BODY) == ENTRY


def test_the_first_entry_follows_nothing() -> None:
    assert bytes(32) == NO_ENTRY


def test_a_kind_of_a_later_version_is_read() -> None:
    assert entry_from_body(BODY.replace(b'"action"', b'"decree"')).kind == "decree"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"v": "stillhouse.ledger/2"}, "not an entry of stillhouse.ledger/1"),
        ({"more": 1}, "fields are missing or unknown: more"),
        ({"sequence": -1}, "'sequence' is -1"),
        ({"sequence": True}, "'sequence' is True"),
        ({"sequence": 1.5}, r"'sequence' is 1\.5"),
        ({"kind": None}, "'kind' is None"),
        ({"subject": 3}, "'subject' is 3"),
        ({"time": "yesterday"}, "'time' is 'yesterday'"),
        ({"previous": "AB" * 32}, "'previous' is not a hash"),
        ({"details": []}, "'details' is not an object"),
    ],
)
def test_what_is_no_entry_is_refused(change: dict[str, Any], fault: str) -> None:
    record = json.loads(BODY) | change
    with pytest.raises(RecordError, match=fault):
        entry_from_body(json.dumps(record, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"7", BODY + b"\n", BODY.replace(b",", b", ", 1), BODY[:-1], b"\xff"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        entry_from_body(data)
