"""Detection on a log that grows: the fold of a replay, its decisions acted on and written as they are taken.

All state is made from the log, so a start reads what is there. Decisions that were acted on before find that they were.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Ticks
from stillhouse.guard.live.acting import Acting
from stillhouse.guard.live.decision_file import DecisionFile
from stillhouse.guard.live.follower import Follower
from stillhouse.guard.live.status import Status
from stillhouse.guard.live.watch import Watch
from stillhouse.guard.reference.reference import load
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.open import open_state

__all__ = ["Detecting"]

_TELL_SECONDS = 1.0


class Detecting:
    """`settings` name a reference; `folder` is guard.yaml's own. `file` is held by this process."""

    def __init__(
        self,
        settings: GuardSettings,
        folder: Path,
        environ: Mapping[str, str],
        file: DecisionFile,
        stop: Event,
        tell: Callable[[Status], None],
    ) -> None:
        detect = settings.detect
        assert detect.reference is not None, "without a reference there is no detection"
        self._settings, self._folder, self._environ = settings, folder, environ
        self._file, self._stop, self._tell = file, stop, tell
        self._reference = load(folder / detect.reference)
        self._detector = Detector(self._reference, detect)
        self._ticks = Ticks.of(detect)
        extractor = Extractor(self._reference.key, self._reference.idf)
        self._follower = Follower(file.path.parent, detect.lateness, extractor, stop, self._report)
        self._watch = Watch()
        self._decided = 0
        self._decided_at: int | None = None
        self._told = -math.inf

    def run(self) -> None:
        """Detect until told to stop.

        StillhouseError for what cannot be read or opened; a database that goes away later is waited for.
        """
        with open_state(self._settings, self._folder, self._environ) as state:
            acting = Acting(state.registry, self._reference.digest, self._stop)
            for tick in self._ticks.cut(self._follower.rows()):
                # The last tick of a stream that was told to stop is cut short, and nothing is decided about it.
                if self._stop.is_set():
                    return
                for decision in self._detector.fold(tick):
                    if not acting.act(decision):
                        return
                    self._file.add(decision)
                self._decided += len(tick)
                self._decided_at = tick[-1].at
                # Of what was there before, only where it ends is of interest.
                if not self._follower.is_behind:
                    self._watch.look(self._detector, tick[-1].at)

    def _report(self) -> None:
        if time.monotonic() - self._told < _TELL_SECONDS:
            return
        self._told = time.monotonic()
        follower, at, drift = self._follower, self._decided_at, self._watch.drift
        counts = follower.counts
        self._watch.note_absent(counts.absent, counts.read)
        status = Status(
            state="catching_up" if follower.is_behind else "following",
            lag_seconds=0.0 if at is None else max(0, follower.newest - at) / 1e6,
            lag_exchanges=counts.read - self._decided - self._ticks.once.duplicates,
            unread_bytes=follower.unread,
            exchanges=counts.read,
            late=counts.late,
            rejected=counts.rejected,
            decisions=len(self._file),
            absent=tuple(sorted(counts.absent)) if counts.read else (),
        )
        if drift is not None:
            told = {f"drift_{name}": value for name, value in drift.as_record().items() if name != "level"}
            status = replace(status, **told)
        self._tell(status)
