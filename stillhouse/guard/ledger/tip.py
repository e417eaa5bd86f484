"""Where a ledger ends: all that is needed to append to it, carried by its newest checkpoint.

The right edge of the tree stands in the checkpoint's extension lines and is signed with it. So an append reads one
entry and one checkpoint however long the ledger is, and whoever holds a checkpoint can follow the ledger from there on
without the entries before.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Self

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.checkpoint import Checkpoint
from stillhouse.guard.ledger.merkle import HASH_BYTES, Frontier
from stillhouse.guard.ledger.note import strict_base64

__all__ = ["Tip"]

_LINE = re.compile(r"(?P<name>time|before|last|frontier) (?P<value>.+)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tip:
    """`time` of the checkpoint (RFC 3339 in UTC), hash of the `last` entry, right edge of the tree with it.

    `before` is the size of the stored checkpoint before this one, 0 for the first: so none can be taken out unnoticed.
    """

    time: str
    before: int
    last: bytes
    frontier: Frontier

    def checkpoint(self, origin: str) -> Checkpoint:
        """What is signed."""
        nodes = " ".join(b64encode(node).decode() for node in self.frontier.nodes)
        lines = (
            f"time {self.time}",
            f"before {self.before}",
            f"last {b64encode(self.last).decode()}",
            f"frontier {nodes}",
        )
        return Checkpoint(origin, self.frontier.size, self.frontier.root(), lines)

    @classmethod
    def of(cls, checkpoint: Checkpoint, place: str) -> Self:
        """What the extension lines of a checkpoint of ours say; RecordError where they do not give its root."""
        found = {match["name"]: match["value"] for line in checkpoint.extensions if (match := _LINE.fullmatch(line))}
        if list(found) != ["time", "before", "last", "frontier"] or len(checkpoint.extensions) != 4:
            raise RecordError(f"{place}: has not the extension lines of a checkpoint of this ledger")
        if not _NUMBER.fullmatch(found["before"]):
            raise RecordError(f"{place}: the size of the checkpoint before it is {found['before']!r}")
        last, *nodes = (strict_base64(text) or b"" for text in (found["last"], *found["frontier"].split(" ")))
        frontier = Frontier(checkpoint.size, tuple(nodes))
        if any(len(one) != HASH_BYTES for one in (last, *nodes)) or len(nodes) != checkpoint.size.bit_count():
            raise RecordError(f"{place}: its extension lines hold something that is no hash")
        if frontier.root() != checkpoint.root:
            raise RecordError(f"{place}: the edge of the tree in its extension lines does not give its root")
        return cls(found["time"], int(found["before"]), last, frontier)
