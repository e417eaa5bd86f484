"""The command line in processes of its own, without paying several seconds of imports for each.

One process imports the libraries and computes nothing; every call is forked from it. So each has its own
exit code, output, signals and limits, as started from a shell.
"""

import json
import os
import resource
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Command", "Result"]


@dataclass(frozen=True)
class Result:
    """How a process ended. A negative `code` is the signal that ended it."""

    code: int
    out: str
    err: str

    @property
    def fault(self) -> str:
        """The one line that a fault of the user prints; fails if there is more or less than that."""
        assert self.code == 2, f"exit {self.code}\n{self.err}"
        assert self.err.count("\n") == 1 and self.err.endswith("\n") and self.err.startswith("stillhouse: "), self.err
        assert self.out == ""
        return self.err.removeprefix("stillhouse: ").rstrip("\n")


class Running:
    """A started process."""

    def __init__(self, command: "Command", pid: int, out: Path, err: Path) -> None:
        self.command, self.pid, self.out, self.err = command, pid, out, err

    def signal_when(self, number: int, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Send signal `number` as soon as `ready()`; fails if the process ends before that."""
        end = time.monotonic() + timeout
        while not ready():
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][:1]
            assert state != "Z" and time.monotonic() < end, f"ended too early\n{self.err.read_text()}"
            time.sleep(0.001)
        os.kill(self.pid, number)

    def wait(self) -> Result:
        code = self.command.ask({"wait": self.pid})
        return Result(code, self.out.read_text(encoding="utf-8"), self.err.read_text(encoding="utf-8"))


class Command:
    """`stillhouse ...` in a forked process. Use as a context manager."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.calls = scratch, 0
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}
        self.server = subprocess.Popen(
            [sys.executable, "-c", "from tests.command import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env=environment,
        )

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *error: object) -> None:
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()

    def ask(self, request: dict[str, Any]) -> int:
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def start(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        file_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start it; `file_bytes` is the largest file that it may write, `environment` is added to ours."""
        self.calls += 1
        out, err = self.scratch / f"{self.calls}.out", self.scratch / f"{self.calls}.err"
        request = {
            "args": [str(a) for a in args],
            "cwd": str(cwd or self.scratch),
            "out": str(out),
            "err": str(err),
            "file_bytes": file_bytes,
            "environment": dict(environment or {}),
        }
        return Running(self, self.ask(request), out, err)

    def __call__(self, *args: str | Path, cwd: Path | None = None, file_bytes: int | None = None) -> Result:
        return self.start(*args, cwd=cwd, file_bytes=file_bytes).wait()


def serve() -> None:
    """Fork a process for each request on standard input; answer with its id, or with its exit code."""
    import stillhouse.distill.measure
    import stillhouse.distill.quickstart
    import stillhouse.distill.run
    import stillhouse.guard.gateway.serve  # noqa: F401 - the imports are what the forks share

    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                os._exit(_run(request))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _run(request: dict[str, Any]) -> int:
    from stillhouse.cli import main

    for number, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["out"], os.O_WRONLY | os.O_CREAT),
        (2, request["err"], os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(name, flags, 0o644), number)
    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    sys.argv = ["stillhouse", *request["args"]]
    if request["file_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_bytes"], resource.RLIM_INFINITY))
    code: object = 0
    try:
        main()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)
