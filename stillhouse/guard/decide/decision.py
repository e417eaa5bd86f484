"""A decision as a value: who, what, how sure, and because of what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["ACTIONS", "Action", "Decision", "Review", "rfc3339"]

Action = Literal["observe", "slow", "strip", "verify", "suspend", "remove", "restore"]
Review = Literal["none", "pending", "approved"]
ACTIONS: tuple[Action, ...] = ("observe", "slow", "strip", "verify", "suspend", "remove")
"""In the order of their strength."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`level` is the level that the action's budget gave the subject; ln e reached -ln(level)."""

    at: int
    after_exchange: str
    kind: Literal["account", "campaign"]
    id: str
    accounts: Sequence[str]
    action: Action
    review: Review
    log_e: float
    level: float
    because: Sequence[str]

    def as_record(self) -> Mapping[str, Any]:
        """The line of `decisions.jsonl`."""
        return {
            "time": rfc3339(self.at),
            "after_exchange": self.after_exchange,
            "subject": {"kind": self.kind, "id": self.id},
            "accounts": list(self.accounts),
            "action": self.action,
            "review": self.review,
            "log_e": self.log_e,
            "level": self.level,
            "because": list(self.because),
        }


def rfc3339(microseconds: int) -> str:
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:03d}Z"
