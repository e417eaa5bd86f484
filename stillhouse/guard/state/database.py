"""From a database URL to an engine that keeps what it was told to keep: SQLite for one machine, Postgres for several.

SQLite runs with a write-ahead log and full synchronisation, so a reader never waits and a decision that was confirmed
survives the machine. Its transactions are begun here, not by the driver, which would begin at the first change only and
so lets two writers read the same state.

Statements' parameters (digests, documents) never get into error messages, nor does the URL, which may hold a password.
"""

import errno
import os
import sqlite3
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from stillhouse.errors import ConfigError, StillhouseError

__all__ = ["check_database", "database_errors", "database_fault", "open_engine", "shown", "writing"]

_SECONDS = 30  # how long a statement waits for other writers, or for a server that says nothing
_REMEDY = "give sqlite:///FILE or postgresql+pg8000://user:password@host/name"
_QUERY = ("application_name", "sslmode", "sslrootcert", "timeout", "unix_sock")
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_BEGIN = "stillhouse_begin"


def open_engine(url: str, folder: Path, place: str = "state.database") -> Engine:
    """An engine for `url`, tried once.

    A SQLite file is made if it is not there, readable by its owner alone; a relative one is meant from `folder`.
    `postgresql://` is taken as `postgresql+pg8000://`; libpq's `sslmode` and `sslrootcert` are understood.
    ConfigError, opened by `place`, for whatever keeps the database from being used.
    """
    parsed = _parse(url, place)
    engine = _sqlite(parsed, folder, place) if parsed.get_backend_name() == "sqlite" else _postgres(parsed, place)
    try:
        with database_errors(engine, ConfigError, place), engine.connect():
            return engine
    except ConfigError:
        engine.dispose()
        raise


def check_database(url: str, folder: Path, place: str = "state.database") -> None:
    """ConfigError where `open_engine` would raise one; a SQLite file that is not there is not made."""
    parsed = _parse(url, place)
    if parsed.get_backend_name() == "sqlite":
        path = _path(parsed, folder, place)
        if not os.path.lexists(path):
            with _refusals(path, place):
                tempfile.TemporaryFile(dir=path.parent).close()
            return
    open_engine(url, folder, place).dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is going to write: on SQLite it holds the file from its start. Commits at the end."""
    with engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}) as connection, connection.begin():
        yield connection


@contextmanager
def database_errors(engine: Engine, kind: type[StillhouseError], place: str = "database") -> Iterator[None]:
    """What the database or the way to it refuses becomes one line of `kind`."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise kind(f"{place}: {shown(engine)}: {database_fault(error)}") from None


def database_fault(error: SQLAlchemyError | OSError) -> str:
    """What went wrong and what to do, in one line, without statement, parameters or password."""
    if isinstance(error, PoolTimeoutError):
        return "all connections are in use; try again, or look for what holds them"
    if isinstance(error, ssl.SSLError):
        return f"{_line(error)}; give the name that its certificate is for, and sslrootcert=FILE of whoever signed that"
    if not isinstance(error, DBAPIError):
        return f"does not answer ({_line(error)}); look whether it runs"
    told = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    if isinstance(told, Mapping):  # pg8000: the fields of the server's message
        message, code = _line(told.get("M", "")), told.get("C", "")
        return f"{message}; {_POSTGRES_REMEDIES.get(code, 'mend that on the server')}"
    message = _line(told).partition(" (timeout is ")[0].rstrip(".")
    for words, remedy in _REMEDIES.items():
        if words in message:
            return f"{message}; {remedy}"
    return message or type(error.orig).__name__


def shown(engine: Engine) -> str:
    """The place for messages: the file, or the URL without its password."""
    if engine.dialect.name == "sqlite":
        return engine.url.database or ""
    return engine.url.set(query={}).render_as_string(hide_password=True)


# SQLSTATE codes, appendix A of PostgreSQL's manual.
_POSTGRES_REMEDIES = {
    "28P01": "give the right user and password",
    "28000": "give a user that the server's pg_hba.conf lets in from here",
    "3D000": "create it with createdb, or name another",
    "53300": "raise max_connections, or run fewer gateways",
    "42501": "grant it to this user, or give one that owns the database",
    "57P03": "wait until the server is up",
    "25006": "give the primary server, not a standby",
}
_REMEDIES = {
    "create a connection": "look whether the server runs and can be reached from here",
    "network error": "look whether the server runs and can be reached from here",
    "Server refuses SSL": "turn TLS on at the server, or give sslmode=disable",
    "database is locked": "another process has held it for long; end that one",
    "not a database": "give a SQLite file, or a name where none is yet",
    "readonly database": "let this user write the file and its folder",
    "disk is full": "free some space",
}


def _parse(text: str, place: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Its text stays out of the message: what cannot be read as a URL may be a password all the same.
        raise ConfigError(
            f"{place}: not a database URL; {_REMEDY}, special characters of the password percent-encoded"
        ) from None
    backend, _, driver = url.drivername.partition("+")
    if backend in ("postgres", "postgresql") and driver in ("", "pg8000"):
        return url.set(drivername="postgresql+pg8000")
    if backend == "sqlite" and driver in ("", "pysqlite"):
        return url.set(drivername="sqlite")
    if backend in ("postgres", "postgresql", "sqlite"):
        fitting = "sqlite" if backend == "sqlite" else "postgresql+pg8000"
        raise ConfigError(f"{place}: the driver '{driver}' is not part of stillhouse; write {fitting}://...")
    raise ConfigError(f"{place}: '{url.drivername}' is not a database that stillhouse can use; {_REMEDY}")


def _path(url: URL, folder: Path, place: str) -> Path:
    """Where the SQLite file is, or is to be."""
    if not url.database or url.database == ":memory:":
        raise ConfigError(f"{place}: a database in memory would be gone with the process; give sqlite:///FILE")
    if url.query:
        raise ConfigError(f"{place}: '?{next(iter(url.query))}=' has no meaning here; give sqlite:///FILE alone")
    return (folder / url.database).absolute()


@contextmanager
def _refusals(path: Path, place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{place}: {path}: cannot be opened ({error.strerror}); give a file in a folder that is there and may be "
            "written"
        ) from None


def _sqlite(url: URL, folder: Path, place: str) -> Engine:
    path = _path(url, folder, place)
    with _refusals(path, place):
        _make_private(path)
    engine = create_engine(url.set(database=str(path)), hide_parameters=True, connect_args={"timeout": _SECONDS})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Make the file if it is not there, for its owner alone; OSError where it cannot be used.

    One that is there is not opened: to close any descriptor of it would take SQLite's locks away from this process's
    other connections (POSIX advisory locks; sqlite.org/howtocorrupt.html, section 2.2), and a gateway that is started
    meanwhile would then keep a write-ahead log of its own.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


def _set_up_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing: `_begin_sqlite` does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))


def _patiently(ask: Callable[[], object]) -> None:
    """The change to a write-ahead log, made once for a file, does not wait for other connections by itself."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            ask()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _postgres(url: URL, place: str) -> Engine:
    if url.username is None:
        raise ConfigError(f"{place}: names no user; give postgresql+pg8000://user:password@host/name")
    for name in url.query:
        if name not in _QUERY:
            raise ConfigError(f"{place}: unknown parameter '{name}' in the URL; known: {', '.join(_QUERY)}")
    query: dict[str, str] = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    arguments: dict[str, Any] = {
        "application_name": query.get("application_name", "stillhouse"),
        "timeout": _seconds(query.get("timeout"), place),
        "ssl_context": _ssl(query, place),
    }
    if "unix_sock" in query:
        arguments["unix_sock"] = query["unix_sock"]
    try:
        engine = create_engine(
            url.set(query={}),
            hide_parameters=True,
            connect_args=arguments,
            pool_pre_ping=True,
            pool_size=5,
            max_overflow=10,
            pool_timeout=10,
            pool_recycle=1800,
            pool_use_lifo=True,
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{place}: the driver '{error.name}' is not installed; install it with: pip install 'stillhouse[guard]'"
        ) from None
    # A connection that the server has ended fails once more when the pool closes it, which SQLAlchemy logs as an error.
    gone = engine.dialect.loaded_dbapi.InterfaceError

    def close(connection: Any) -> None:
        with suppress(gone, OSError):
            connection.close()

    for method in ("do_close", "do_terminate"):
        setattr(engine.dialect, method, close)
    return engine


def _seconds(text: str | None, place: str) -> float:
    try:
        seconds = float(_SECONDS if text is None else text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        raise ConfigError(f"{place}: timeout={text} is no number of seconds; give one like timeout=30")
    return seconds


def _ssl(query: Mapping[str, str], place: str) -> ssl.SSLContext | bool | None:
    """What pg8000 takes for libpq's `sslmode`: False is without TLS, None with it where the server has it."""
    mode, root = query.get("sslmode"), query.get("sslrootcert")
    if mode is None:
        mode = "prefer" if root is None else "verify-full"
    if mode not in _SSL_MODES:
        raise ConfigError(f"{place}: sslmode={mode} is unknown; give one of {', '.join(_SSL_MODES)}")
    if mode in ("disable", "prefer"):
        return False if mode == "disable" else None
    try:
        context = ssl.create_default_context(cafile=root)
    except OSError as error:
        reason = error.strerror or "no certificates in it"
        raise ConfigError(f"{place}: sslrootcert={root}: cannot be read ({reason}); give a PEM file") from None
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300]
