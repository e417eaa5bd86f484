"""A decision as a value: who, what, how sure, and because of what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stillhouse.guard.access.entities import Action
from stillhouse.records.times import rfc3339

__all__ = ["Decided", "Decision", "Review", "Taken"]

Decided = Literal[Action, "restore"]
"""What a line of `decisions.jsonl` may say; detection itself restores nobody."""
Review = Literal["none", "pending", "approved"]
"""Detection writes no `approved`: a person's approval is in the registry."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`level` is the level that the action's budget gave the subject; ln e reached -ln(level)."""

    at: int
    after_exchange: str
    kind: Literal["account", "campaign"]
    id: str
    accounts: Sequence[str]
    action: Decided
    review: Review
    log_e: float
    level: float
    because: Sequence[str]

    def as_record(self) -> Mapping[str, Any]:
        """The line of `decisions.jsonl`."""
        return {
            "time": rfc3339(self.at // 1000),
            "after_exchange": self.after_exchange,
            "subject": {"kind": self.kind, "id": self.id},
            "accounts": list(self.accounts),
            "action": self.action,
            "review": self.review,
            "log_e": self.log_e,
            "level": self.level,
            "because": list(self.because),
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """The strongest action on an account, when the first one was taken, and whether the strongest is to be reviewed."""

    action: Action
    first: int
    review: Review = "none"
