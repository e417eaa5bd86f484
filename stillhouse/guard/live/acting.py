"""Decisions of the detector put in force through the registry, as an operator's are."""

import logging
from datetime import UTC, datetime
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from stillhouse.guard.access.detected import Found, bring_about
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.decide.decision import Decision
from stillhouse.guard.state.database import database_fault

__all__ = ["Acting"]

_log = logging.getLogger("stillhouse.guard")
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_REASONS = {
    "campaign": "requests of this account and of others look like one queue of work that is spread over them; a "
    "program decided this, and a person looks at it if you ask",
    "observed": "requests of this account and of others are more alike than those of honest people are; a program "
    "notes this, and a person looks at it if you ask",
    "account": "requests of this account stand out among those of all others; a program decided this, and a person "
    "looks at it if you ask",
}


class Acting:
    """`reference` is the digest of what the decisions rest on. A database that is away is waited for until `stop`."""

    def __init__(self, registry: Registry, reference: str, stop: Event) -> None:
        self._registry = registry
        self._reference = reference
        self._stop = stop
        self._names: dict[str, str] = {}

    def act(self, decision: Decision) -> bool:
        """Bring a decision about; False where it was told to stop before that."""
        found = self._found(decision)
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            try:
                done = bring_about(self._registry, found)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("a decision of detection waits for the database: %s", database_fault(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if done.taken or done.asked:
                about = {"subject": found.campaign or decision.id, "action": found.action}
                counts = {"taken": len(done.taken), "asked": len(done.asked), "unknown": len(done.unknown)}
                _log.info("detection decided", extra={"fields": {**about, **counts}})
            return True
        return False

    def _found(self, decision: Decision) -> Found:
        assert decision.action != "restore", "detection restores nobody"
        campaign = None
        if decision.kind == "campaign":
            campaign = self._names.setdefault(decision.id, f"{decision.id}-{_stamp(decision.at)}")
        record = decision.as_record()
        told = ("time", "after_exchange", "review", "log_e", "level", "because")
        return Found(
            accounts=decision.accounts,
            campaign=campaign,
            action=decision.action,
            waits=decision.review == "pending",
            at=decision.at / 1e6,
            reason=_REASONS["observed" if campaign and decision.action == "observe" else decision.kind],
            because={name: record[name] for name in told} | {"reference": self._reference},
        )


def _stamp(at: int) -> str:
    """When a campaign was first decided about: numbers begin anew with another log, names in the registry last."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
