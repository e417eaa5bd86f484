"""How the ledger reads and writes its two tables, on SQLite and on Postgres.

A reader gets one state of the database, page by page, because the Postgres driver holds a whole result in memory. It
takes nothing for granted: whoever changed the file may have put a number where bytes belong. A writer is alone from its
first statement on.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Select,
    create_engine,
    inspect,
    make_url,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.state.tables import checkpoints, entries

__all__ = [
    "UNREADABLE",
    "CheckpointRow",
    "EntryRow",
    "checkpoint_rows",
    "entry_hashes",
    "entry_rows",
    "hold",
    "newest_checkpoint",
    "newest_entry",
    "open_for_reading",
    "reason",
    "snapshot",
    "writing",
]

# What reading a damaged database raises; Python's sqlite3 stumbles over names of columns that are no longer UTF-8.
UNREADABLE = (DBAPIError, UnicodeDecodeError)
_PAGE = 1000
_RAW = NullType()  # the driver's value as it is: SQLAlchemy would make bytes of a number, as many as it says


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A row of the entries. A column that holds no bytes reads as empty."""

    sequence: int
    body: bytes
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A row of the checkpoints. A note that is no text reads as empty."""

    size: int
    note: str


_ENTRY = select(entries.c.sequence, *(type_coerce(entries.c[name], _RAW) for name in ("body", "previous", "hash")))
_HASH = select(entries.c.sequence, type_coerce(entries.c.hash, _RAW))
_CHECKPOINT = select(checkpoints.c.size, type_coerce(checkpoints.c.note, _RAW))


def open_for_reading(place: str | Path) -> Engine:
    """An engine for a SQLite file or a database URL that has the ledger's tables. Dispose of it at the end.

    ConfigError for a place that cannot be opened, RecordError for one that holds no ledger. A SQLite file is never made
    and never written, save that SQLite itself takes back what a killed writer left half done.
    """
    engine = _engine(str(place))
    try:
        with engine.connect() as connection:
            missing = {table.name for table in (entries, checkpoints)} - set(inspect(connection).get_table_names())
    except UNREADABLE as error:
        engine.dispose()
        raise RecordError(f"{_shown(engine)}: cannot be read as a database ({reason(error)})") from None
    if missing:
        engine.dispose()
        raise RecordError(f"{_shown(engine)}: has no table {' and '.join(sorted(missing))}; give the guard's database")
    return engine


def _engine(place: str) -> Engine:
    if "://" not in place:
        return _sqlite(Path(place))
    try:
        url = make_url(place)
        if url.get_backend_name() == "sqlite":
            return _sqlite(Path(url.database or ""))
        return create_engine(url, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"'{place.partition('://')[0]}://...' is no database URL that can be opened ({error}); give a SQLite file "
            "or postgresql+pg8000://user:password@host/name"
        ) from None


def _sqlite(path: Path) -> Engine:
    if not path.is_file():
        raise ConfigError(f"{path}: no such database; give the guard's SQLite file or a database URL")

    def connect() -> sqlite3.Connection:
        # mode=rw, not ro: a writer that was killed leaves a journal that the next reader has to take back.
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True)
        connection.execute("PRAGMA query_only = ON")
        return connection

    return create_engine(f"sqlite:///{path}", creator=connect, poolclass=NullPool)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database, whoever writes meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            _begin(connection, "BEGIN")
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the ledger from its start; committed at the end, rolled back on an error."""
    with engine.connect() as connection, connection.begin():
        _begin(connection, "BEGIN IMMEDIATE")
        hold(connection)
        yield connection


def hold(connection: Connection) -> None:
    """Wait until no other transaction appends, and keep others waiting until this one ends."""
    if connection.dialect.name == "sqlite":
        # Any writing statement takes the lock of the whole file, also one that changes no row.
        connection.execute(update(checkpoints).where(checkpoints.c.size < 0).values(size=checkpoints.c.size))
    elif connection.dialect.name == "postgresql":
        # Readers go on. A lock on the last row would not do: the row behind it is not there yet.
        connection.execute(text(f"LOCK TABLE {checkpoints.name} IN EXCLUSIVE MODE"))
    else:
        raise ConfigError(f"a ledger cannot be kept in {connection.dialect.name}; use SQLite or Postgres")


def entry_rows(connection: Connection, first: int | None = None, *, backwards: bool = False) -> Iterator[EntryRow]:
    """Every entry in order of sequence, or backwards from the end; `first` is where to begin.

    RecordError where the database does not give them in order.
    """
    for row in _pages(connection, _ENTRY, entries.c.sequence, first, backwards=backwards):
        yield _entry_row(row)


def entry_hashes(connection: Connection) -> Iterator[bytes]:
    """The stored hashes of all entries in order; RecordError as in `entry_rows`."""
    for row in _pages(connection, _HASH, entries.c.sequence):
        yield _bytes(row[1])


def checkpoint_rows(connection: Connection) -> Iterator[CheckpointRow]:
    """Every stored checkpoint in order of size; RecordError as in `entry_rows`."""
    for row in _pages(connection, _CHECKPOINT, checkpoints.c.size):
        yield _checkpoint_row(row)


def newest_entry(connection: Connection) -> EntryRow | None:
    row = connection.execute(_ENTRY.order_by(entries.c.sequence.desc()).limit(1)).first()
    return None if row is None else _entry_row(row)


def newest_checkpoint(connection: Connection) -> CheckpointRow | None:
    row = connection.execute(_CHECKPOINT.order_by(checkpoints.c.size.desc()).limit(1)).first()
    return None if row is None else _checkpoint_row(row)


def _pages(
    connection: Connection,
    statement: Select[Any],
    key: Column[int],
    first: int | None = None,
    *,
    backwards: bool = False,
) -> Iterator[Sequence[object]]:
    statement = statement.order_by(key.desc() if backwards else key).limit(_PAGE)
    condition = None if first is None else key >= first
    last: int | None = None
    while True:
        rows = connection.execute(statement if condition is None else statement.where(condition)).all()
        for row in rows:
            # A damaged index can lead back to rows that were read already, and so without end.
            number = _number(row[0])
            if last is not None and (number >= last if backwards else number <= last):
                raise RecordError(f"table {key.table.name}: row {number} comes after row {last}; the index is damaged")
            last = number
            yield row
        if len(rows) < _PAGE:
            return
        condition = key < last if backwards else key > last


def _entry_row(row: Sequence[object]) -> EntryRow:
    sequence, body, previous, digest = row
    return EntryRow(_number(sequence), _bytes(body), _bytes(previous), _bytes(digest))


def _checkpoint_row(row: Sequence[object]) -> CheckpointRow:
    size, note = row
    return CheckpointRow(_number(size), note if isinstance(note, str) else "")


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise RecordError(f"a row of the ledger has the number {value!r}; the table was made anew in another way")
    return value


def _bytes(value: object) -> bytes:
    """What is no bytes reads as none: then it is not what was hashed, and that is said."""
    return value if isinstance(value, bytes) else b""


def _begin(connection: Connection, statement: str) -> None:
    """Begin for SQLite, whose driver by itself begins at the first change only, unless the engine has done so."""
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
        connection.exec_driver_sql(statement)


def reason(error: DBAPIError | UnicodeDecodeError) -> str:
    """What the driver says, on one line."""
    return " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())[:200]


def _shown(engine: Engine) -> str:
    return (engine.url.database or "") if engine.dialect.name == "sqlite" else engine.url.render_as_string()
