"""The detector's process: `python -m stillhouse.guard.live.process`, started by the gateway and by nobody else.

What it has to know comes as one line of JSON on standard input. That stays open as long as the gateway lives: its end
is the sign to stop, whatever became of the gateway, so none is left alone. Signals are not: Ctrl-C in a terminal and
the stop of a service reach both processes, and this one shall outlive the requests that run.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stillhouse.config import validate
from stillhouse.errors import StillhouseError
from stillhouse.guard.gateway.logs import log_to_stderr
from stillhouse.guard.live.decision_file import DecisionFile
from stillhouse.guard.live.status import Status
from stillhouse.guard.settings import GuardSettings

__all__ = ["Order", "main"]

_log = logging.getLogger("stillhouse.guard")
_STANDBY_SECONDS = 1.0
_NICE = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What the gateway tells: its settings, and the folder of its guard.yaml."""

    settings: GuardSettings
    folder: Path
    quiet: bool

    def line(self) -> bytes:
        told = {
            "settings": self.settings.model_dump(mode="json"),
            "folder": str(self.folder.resolve()),
            "quiet": self.quiet,
        }
        return json.dumps(told).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "Order":
        told = json.loads(line)
        return cls(validate(GuardSettings, told["settings"], "settings"), Path(told["folder"]), told["quiet"])


def main() -> int:
    """Exit status: 0 told to stop, 2 what the operator can mend, 1 a fault of ours."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICE)
    order = Order.of(sys.stdin.buffer.readline())
    log_to_stderr(order.quiet)
    stop = threading.Event()
    threading.Thread(target=_watch, args=(stop,), name="gateway-lives", daemon=True).start()
    try:
        _detect(order, stop)
    except StillhouseError as error:
        _log.error("detection ended: %s", error)
        return 2
    except Exception:
        _log.exception("detection failed")
        return 1
    return 0


def _detect(order: Order, stop: threading.Event) -> None:
    def tell(status: Status) -> None:
        try:
            sys.stdout.buffer.write(status.line())
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            stop.set()

    file = _wait_for_file(order.folder / order.settings.log.folder, stop, tell)
    if file is None:
        return
    try:
        tell(Status(state="starting"))
        # Numbers and models of the detector are loaded by the one process that uses them.
        from stillhouse.guard.live.detecting import Detecting

        Detecting(order.settings, order.folder, os.environ, file, stop, tell).run()
    finally:
        file.close()


def _wait_for_file(folder: Path, stop: threading.Event, tell: Callable[[Status], None]) -> DecisionFile | None:
    """The decisions of this log, once no other process holds them; None where it was told to stop before."""
    while not stop.is_set():
        file = DecisionFile.take(folder)
        if file is not None:
            return file
        tell(Status(state="standby"))
        stop.wait(_STANDBY_SECONDS)
    return None


def _watch(stop: threading.Event) -> None:
    """Not through `sys.stdin`, whose lock a thread that waits would keep from the end of the interpreter."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
