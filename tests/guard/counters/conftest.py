"""A Valkey of a test's own, that can be killed, stopped and started again on the same port."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkey import Valkey
from valkey.exceptions import ConnectionError as NotConnected
from valkey.exceptions import ResponseError

from tests.guard.services import Missing, free_port, valkey_program

__all__ = ["Server"]


class Server:
    """`start` returns once it answers. Nothing is kept on disk."""

    def __init__(self, program: str, folder: Path, arguments: tuple[str, ...]) -> None:
        self.port = free_port()
        self._command = [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(folder)]
        self._command += ["--appendonly", "no", *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Valkey:
        return Valkey(host="127.0.0.1", port=self.port)

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        with self.client() as client:
            while time.monotonic() < end:
                with contextlib.suppress(NotConnected, ResponseError):
                    client.ping()
                    return
                if self._process.poll() is not None:
                    break
                time.sleep(0.01)
        raise RuntimeError(f"{self._command} does not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`make_server(*arguments)` is one that runs; it is killed with the test."""
    try:
        program = valkey_program()
    except Missing as error:
        pytest.skip(str(error))
    made: list[Server] = []

    def make(*arguments: str) -> Server:
        server = Server(program, tmp_path, arguments)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.kill()
