"""The rollout store: every answer of a run on disk, one file per phase, read by whoever grades it.

An answer is named by a hash of its content, so grades made later, by other commands, can refer to it. A
phase is written whole or not at all. After a kill, phases beyond the last checkpoint are still good, because
the resumed run would write the same bytes again: they are read instead of generated.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from stillhouse.distill.rollout import Rollout
from stillhouse.errors import RecordError
from stillhouse.records import write_atomic

__all__ = ["RolloutStore", "rollout_id"]


def rollout_id(rollout: Rollout) -> str:
    """16 hex digits of the SHA-256 over the prompt's and the answer's tokens and who wrote it."""
    content = json.dumps([rollout.prompt_tokens, rollout.tokens, rollout.source], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class RolloutStore:
    """The folder `rollouts/` of a run: `phase-000000.jsonl`, one answer a line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, phase: int) -> Path:
        return self.folder / f"phase-{phase:06d}.jsonl"

    def phases(self) -> list[int]:
        """The phases that are there, in order."""
        return sorted(int(path.stem.removeprefix("phase-")) for path in self.folder.glob("phase-*.jsonl"))

    def write(self, phase: int, rollouts: Sequence[Rollout]) -> None:
        """Atomic: after a kill the file is whole or absent."""
        lines = [
            json.dumps(
                {
                    "id": rollout_id(r),
                    "prompt": r.prompt_id,
                    "source": r.source,
                    "finish_reason": r.finish_reason,
                    "prompt_tokens": r.prompt_tokens,
                    "tokens": r.tokens,
                    "logprobs": [round(x, 6) for x in r.logprobs],
                },
                separators=(",", ":"),
            )
            for r in rollouts
        ]
        write_atomic(self.path(phase), "".join(line + "\n" for line in lines))

    def read(self, phase: int) -> list[Rollout] | None:
        """The answers of a phase in their order, or None if it was not written. RecordError if one was altered."""
        path = self.path(phase)
        if not path.exists():
            return None
        return list(_rows(path))


def _rows(path: Path) -> Iterator[Rollout]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rollout = Rollout(
                prompt_id=row["prompt"],
                prompt_tokens=tuple(row["prompt_tokens"]),
                tokens=tuple(row["tokens"]),
                logprobs=tuple(row["logprobs"]),
                finish_reason=row["finish_reason"],
                source=row["source"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{path}:{number}: not an answer of a rollout store ({error}); remove the file") from None
        if rollout_id(rollout) != row.get("id"):
            raise RecordError(f"{path}:{number}: content does not match its id {row.get('id')}; remove the file")
        yield rollout
