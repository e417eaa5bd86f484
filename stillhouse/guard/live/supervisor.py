"""The detector's process as the gateway keeps it: started, listened to, started anew where it ends, and stopped.

It is a process and no thread, because whatever holds the interpreter holds up every request. Whatever becomes of it,
requests are served: that it is not running is seen in the metrics.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress

from stillhouse.guard.live.process import Order
from stillhouse.guard.live.status import Status

__all__ = ["Supervisor"]

_log = logging.getLogger("stillhouse.guard")
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_STEADY_SECONDS = 60.0
_STOP_SECONDS = 5.0
# One core is what it may use: the others are for requests.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Supervisor:
    """`status` is what the process told last, `starts` how often it was started."""

    def __init__(self, order: Order, environ: Mapping[str, str]) -> None:
        self.status = Status()
        self.starts = 0
        self._order = order
        self._environ = {**environ, **_ONE_THREAD}

    async def run(self) -> None:
        """Keep it running until cancelled."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            began = loop.time()
            code = await self._run_once()
            self.status = Status()
            if loop.time() - began >= _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            _log.error("detection is not running", extra={"fields": {"code": code, "again_in_seconds": pause}})
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _run_once(self) -> int:
        """Its exit status; a negative one is the signal that ended it."""
        command = (sys.executable, "-m", "stillhouse.guard.live.process")
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=self._environ)
        assert process.stdin is not None and process.stdout is not None
        self.starts += 1
        self.status = Status(state="starting")
        try:
            process.stdin.write(self._order.line())
            while line := await process.stdout.readline():
                self.status = Status.of(line)
            return await process.wait()
        finally:
            await _end(process)


async def _end(process: Process) -> None:
    """It stops when its input ends, and at once is always safe: nothing that it leaves behind is in part."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
