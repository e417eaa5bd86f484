"""`decisions.jsonl` beside the log: one line a decision, and the lock that says who detects.

Whoever holds the file appends to it and acts; nobody else does, whichever gateways share the folder. What a killed
process left unfinished at its end is cut off, and a line that is there is not written again: so a detector that begins
anew and comes to the same decisions leaves the file as it is.
"""

import os
from hashlib import blake2b
from pathlib import Path
from typing import Self

from stillhouse.errors import RecordError
from stillhouse.guard.decide.decision import Decision
from stillhouse.records.files import append_bytes, disk_errors, encode_line, open_for_append

__all__ = ["NAME", "DecisionFile"]

NAME = "decisions.jsonl"


class DecisionFile:
    """Open until `close`. StorageError where the disk refuses."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        with path.open("rb") as file:
            self._there = {_digest(line) for line in file}

    @classmethod
    def take(cls, folder: Path) -> Self | None:
        """The file of this folder, made if absent; None while another process holds it."""
        path = folder / NAME
        with disk_errors(path, 0):
            try:
                descriptor = open_for_append(path)
            except RecordError:
                return None
        return cls(path, descriptor)

    def __len__(self) -> int:
        return len(self._there)

    def add(self, decision: Decision) -> bool:
        """Put a decision on disk, as a replay writes it; False where it was there."""
        line = encode_line(decision.as_record())
        if _digest(line) in self._there:
            return False
        append_bytes(self._descriptor, self.path, line, sync=True)
        self._there.add(_digest(line))
        return True

    def close(self) -> None:
        """Let another process detect."""
        os.close(self._descriptor)


def _digest(line: bytes) -> bytes:
    return blake2b(line, digest_size=16).digest()
