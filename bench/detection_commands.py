"""The public commands as the bench runs them: each a process of its own, on one thread, so that its memory and its
processor time are its own.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from stillhouse.config import dump
from stillhouse.range.scenario import Scenario
from stillhouse.records import write_atomic

__all__ = ["Done", "stillhouse", "traffic"]

_ROOT = Path(__file__).parents[1]
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Done(NamedTuple):
    """What a command printed with `--json`, and the processor seconds of its process."""

    result: dict[str, Any]
    processor_seconds: float


def stillhouse(*arguments: str | Path) -> Done:
    """Run `stillhouse ...` of this checkout; CalledProcessError where it fails, its words on standard error.

    No other child of this process may end meanwhile, since the system counts all of them together.
    """
    before = _of_children()
    line = [sys.executable, "-m", "stillhouse", *map(str, arguments), "--quiet", "--json"]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=os.environ | _ONE_THREAD)
    return Done(json.loads(done.stdout), _of_children() - before)


@contextmanager
def traffic(scenario: Scenario, scratch: Path) -> Iterator[Path]:
    """The scenario's traffic as a folder in the new folder `scratch`, which is gone afterwards with all that is in it.

    A corpus folder of the scenario is absolute.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        write_atomic(scratch / "scenario.yaml", dump(scenario))
        stillhouse("range", "traffic", scratch / "scenario.yaml", "--out", scratch / "traffic")
        yield scratch / "traffic"
    finally:
        shutil.rmtree(scratch)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
