"""What a checkpoint says (c2sp.org/tlog-checkpoint): which log, how many entries, their root; then extension lines."""

import re
from base64 import b64encode
from dataclasses import dataclass

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.merkle import HASH_BYTES
from stillhouse.guard.ledger.note import Note, parse_note, strict_base64

__all__ = ["Checkpoint", "SignedCheckpoint", "parse_checkpoint"]

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`origin` is the log's name, `root` the root over its first `size` entries."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        return "\n".join((self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)) + "\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the note that carries it, signatures not checked yet."""

    checkpoint: Checkpoint
    note: Note


def parse_checkpoint(text: str, place: str) -> SignedCheckpoint:
    """The checkpoint of a signed note; RecordError opens with `place`. Checks no signature: `Note.fault` does."""
    try:
        note = parse_note(text)
    except RecordError as error:
        raise RecordError(f"{place}: {error}") from None
    lines = note.text[:-1].split("\n")
    root = strict_base64(lines[2]) if len(lines) > 2 else None
    if root is None or len(root) != HASH_BYTES or not all(lines) or not _SIZE.fullmatch(lines[1]):
        raise RecordError(f"{place}: a signed note, but not of a checkpoint (origin, size, root)")
    return SignedCheckpoint(Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:])), note)
