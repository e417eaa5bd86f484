"""One entry of the ledger, and the bytes that are hashed for it.

The bytes hold the hash of the entry before: so the chain is inside of what is hashed, and an entry that was taken out
and put elsewhere does not fit there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.canonical import canonical_json, parse_canonical
from stillhouse.guard.ledger.merkle import HASH_BYTES

__all__ = ["FORMAT", "KINDS", "NO_ENTRY", "Entry", "Event", "Kind", "body", "entry_from_body"]

FORMAT = "stillhouse.ledger/1"
NO_ENTRY = bytes(HASH_BYTES)  # what the first entry names as the one before it

Kind = Literal[
    "ledger.opened",  # the first entry: origin and key of the checkpoints
    "checkpoint_key.rotated",  # checkpoints from here on are signed by another key
    "key.created",
    "key.rotated",
    "key.revoked",
    "organisation.changed",
    "account.changed",
    "policy.changed",
    "action",  # what was decided about an account or a group, and because of what
    "action.ended",  # it is no longer in force
    "action.proposed",  # detection asks a person for it
    "review",  # a person's word on an action
    "log.removed",  # exchanges were deleted: by whom, which, by what rule
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_FIELDS = {"v", "sequence", "time", "kind", "actor", "subject", "details", "previous"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a caller wants recorded. `actor` did it, `subject` is whom or what it is about (an account, a key, ...)."""

    kind: Kind
    actor: str
    subject: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place. `time` is RFC 3339 in UTC, `previous` the hash of the entry before (32 bytes).

    `kind` is one of KINDS, or of a later version of this format's kinds: a reader passes over what it does not know.
    """

    sequence: int
    time: str
    kind: str
    actor: str
    subject: str
    details: Mapping[str, Any]
    previous: bytes

    def to_record(self) -> dict[str, Any]:
        """The entry as the JSON object of its body."""
        return {
            "v": FORMAT,
            "sequence": self.sequence,
            "time": self.time,
            "kind": self.kind,
            "actor": self.actor,
            "subject": self.subject,
            "details": self.details,
            "previous": self.previous.hex(),
        }


def body(entry: Entry) -> bytes:
    """The bytes that are hashed and stored. RecordError where a value has no canonical form."""
    return canonical_json(entry.to_record())


def entry_from_body(data: bytes) -> Entry:
    """The entry whose body is exactly `data`. RecordError where there is none."""
    record = parse_canonical(data)
    if not isinstance(record, dict) or record.get("v") != FORMAT:
        raise RecordError(f"not an entry of {FORMAT}")
    if record.keys() != _FIELDS:
        differing = ", ".join(sorted(record.keys() ^ _FIELDS))
        raise RecordError(f"fields are missing or unknown: {differing}")
    sequence = record["sequence"]
    if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 0:
        raise RecordError(f"'sequence' is {sequence!r}; it counts from 0")
    for name in ("time", "kind", "actor", "subject", "previous"):
        if not isinstance(record[name], str):
            raise RecordError(f"'{name}' is {record[name]!r}; it is text")
    if not _TIME.fullmatch(record["time"]):
        raise RecordError(f"'time' is {record['time']!r}; it is RFC 3339 in UTC")
    if not _HASH.fullmatch(record["previous"]):
        raise RecordError("'previous' is not a hash of 64 hexadecimal digits")
    if not isinstance(record["details"], dict):
        raise RecordError("'details' is not an object")
    return Entry(
        sequence=sequence,
        time=record["time"],
        kind=record["kind"],
        actor=record["actor"],
        subject=record["subject"],
        details=record["details"],
        previous=bytes.fromhex(record["previous"]),
    )
