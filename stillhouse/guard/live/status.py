"""How detection is, as its process tells the gateway: one line of JSON now and then."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

__all__ = ["STATES", "State", "Status"]

State = Literal["stopped", "starting", "standby", "catching_up", "following"]
"""Not running; loading; another process detects on this log; reading what was there; reading what comes."""
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Status:
    """What an operator watches.

    `lag_seconds` is from the newest exchange on disk back to the newest that was decided about, `lag_exchanges` are
    those that were read and not decided about, `unread_bytes` what is on disk beyond them. `drift_*` is the newest
    `Drift`; `absent` names what features need and no exchange had.
    """

    state: State = "stopped"
    lag_seconds: float = 0.0
    lag_exchanges: int = 0
    unread_bytes: int = 0
    exchanges: int = 0
    late: int = 0
    rejected: int = 0
    decisions: int = 0
    drift_accounts: int = 0
    drift_low: int = 0
    drift_p: float = 1.0
    drift_alarm: bool = False
    absent: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> bytes:
        return json.dumps(self.as_record()).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "Status":
        told = json.loads(line)
        return cls(**told | {"absent": tuple(told["absent"])})
