"""A server in a process of its own on one core, with the CPU time and the memory that it and its children take.

CPU time is what a busy machine disturbs least: the scheduler may let the server wait, but does not charge it for that.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

__all__ = ["Pinned", "busy_seconds", "free_port", "on_core"]

_READY_SECONDS = 120.0
_STOP_SECONDS = 10.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def busy_seconds() -> list[float]:
    """For each core the seconds in which it had work, or was taken from this machine by its host, since the start."""
    return [
        float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)
        for times in psutil.cpu_times(percpu=True)
    ]


def on_core(command: Sequence[str], core: int, **popen: object) -> "subprocess.Popen[str]":
    """Start the command with that core as the only one; every thread and child of it has the same."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        return subprocess.Popen(command, text=True, **popen)  # type: ignore[call-overload, no-any-return]
    finally:
        os.sched_setaffinity(0, before)


class Pinned:
    """Started when the port takes connections; ended with the block. Its output goes to `log`.

    RuntimeError with the end of that output if it ends or says nothing in two minutes.
    """

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        port: int,
        log: Path,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self._log = log
        self._command = " ".join(command)
        with log.open("ab") as output:
            self._process = on_core(
                command, core, stdout=output, stderr=output, cwd=folder, env=None if environ is None else {**environ}
            )
        self._started = psutil.Process(self._process.pid)

    def wait_until_ready(self) -> None:
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self._command} does not listen on {self.port}:\n{self.said()}")

    def said(self) -> str:
        """The end of its output, and its status if it has ended."""
        status = self._process.poll()
        return self._log.read_text("utf-8", "replace")[-2000:] + ("" if status is None else f"(ended with {status})")

    def cpu_seconds(self) -> float:
        """User and system time of the process and all its children, dead ones too."""
        seconds = 0.0
        for process in self._all():
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
        return seconds

    def own_cpu_seconds(self) -> float:
        """User and system time of the process itself."""
        times = self._started.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        return sum(process.memory_info().rss for process in self._all())

    def __enter__(self) -> "Pinned":
        try:
            self.wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _all(self) -> list[psutil.Process]:
        return [self._started, *self._started.children(recursive=True)]

    def _stop(self) -> None:
        everyone = self._all() if self._process.poll() is None else []
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self._command} had to be killed", file=sys.stderr)
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
