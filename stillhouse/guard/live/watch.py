"""What tells whether detection still means what it says: drift, and fields that the log has nothing of.

Looked at now and then only, since drift goes over all accounts.
"""

import logging
from collections.abc import Set

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.left_alone import drift
from stillhouse.guard.evidence.drift import Drift

__all__ = ["Watch"]

_log = logging.getLogger("stillhouse.guard")
_EVERY = 900_000_000
_ENOUGH = 1000
"""Exchanges after which a field that none of them had is absent."""


class Watch:
    """`drift` is that of the last look, None before the first."""

    def __init__(self) -> None:
        self.drift: Drift | None = None
        self._next = -(1 << 62)
        self._told_absent = False

    def look(self, detector: Detector, at: int) -> None:
        """What the detector knows after the moment `at`; nothing within a quarter of an hour of log time after the last
        look. Warned of where it is an alarm and was none."""
        if at < self._next:
            return
        self._next = at + _EVERY
        before, self.drift = self.drift, drift(detector)
        if self.drift.is_alarm and not (before is not None and before.is_alarm):
            _log.warning(
                "honest accounts are no longer like those of the reference, or there is a campaign that was not found",
                extra={"fields": {"drift": self.drift.as_record()}},
            )

    def note_absent(self, absent: Set[str], exchanges: int) -> None:
        """Warn, once, of needed fields that none of so many exchanges had."""
        if exchanges < _ENOUGH or self._told_absent:
            return
        self._told_absent = True
        if absent:
            _log.warning(
                "the log has nothing of some fields: what needs them tells nothing",
                extra={"fields": {"absent": sorted(absent)}},
            )
