"""Engines as they are set up, and each way in which a database cannot be used."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from stillhouse.errors import ConfigError, StorageError
from stillhouse.guard.state.database import check_database, database_errors, database_fault, open_engine, writing
from tests.guard.services import PASSWORD_ROLE, Postgres, free_port

PASSWORD = "hunter%2F2-and-more"


def test_a_sqlite_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    engine = open_engine("sqlite:///guard.db", tmp_path)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    engine.dispose()
    assert modes == {"guard.db": 0o600, "guard.db-wal": 0o600, "guard.db-shm": 0o600}


def test_sqlite_keeps_what_was_committed(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/guard.db", Path("/nowhere"))
    with engine.connect() as connection:
        asked = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    engine.dispose()
    assert asked == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_writer_of_sqlite_reads_what_the_last_one_left(tmp_path: Path) -> None:
    engine = open_engine("sqlite:///guard.db", tmp_path)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))

    def add(_: int) -> None:
        with writing(engine) as connection:
            value = connection.execute(text("SELECT x FROM t")).scalar_one()
            connection.execute(text("UPDATE t SET x = :x"), {"x": value + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(80)))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT x FROM t")).scalar_one() == 80
    engine.dispose()


def test_what_fails_is_taken_back(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url, tmp_path)
    with pytest.raises(KeyError), writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        raise KeyError
    with pytest.raises(DBAPIError), engine.connect() as connection:
        connection.execute(text("SELECT x FROM t"))
    engine.dispose()


def test_errors_do_not_show_what_was_written(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url, tmp_path)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (x VARCHAR(40) PRIMARY KEY, y VARCHAR(40))"))
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        for _ in range(2):
            connection.execute(text("INSERT INTO t VALUES ('a', :y)"), {"y": PASSWORD})
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in database_fault(caught.value)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("guard.db", "state.database: not a database URL; give sqlite:///FILE or postgresql+pg8000://user:password@"),
        (f"postgresql://u:{PASSWORD}@host:port/x", "state.database: not a database URL"),
        (
            "mysql://u:p@host/x",
            "state.database: 'mysql' is not a database that stillhouse can use; give sqlite:///FILE",
        ),
        ("postgresql+psycopg://u@h/x", "the driver 'psycopg' is not part of stillhouse; write postgresql+pg8000://..."),
        ("sqlite+aiosqlite:///x", "the driver 'aiosqlite' is not part of stillhouse; write sqlite://..."),
        ("sqlite://", "a database in memory would be gone with the process; give sqlite:///FILE"),
        ("sqlite:///:memory:", "a database in memory would be gone with the process"),
        ("sqlite:///guard.db?mode=ro", "'?mode=' has no meaning here; give sqlite:///FILE alone"),
        ("sqlite:///no/guard.db", "no/guard.db: cannot be opened (No such file or directory); give a file in a folder"),
        ("sqlite:///folder", "folder: cannot be opened (Is a directory)"),
        ("sqlite:///letter.txt", "letter.txt: file is not a database; give a SQLite file, or a name where none is yet"),
        ("postgresql://host/x", "names no user"),
        ("postgresql://u@h/x?sslcert=a", "unknown parameter 'sslcert' in the URL; known: application_name, sslmode"),
        ("postgresql://u@h/x?sslmode=on", "sslmode=on is unknown; give one of disable, prefer, require"),
        ("postgresql://u@h/x?sslrootcert=/no", "sslrootcert=/no: cannot be read (No such file or directory)"),
        ("postgresql://u@h/x?timeout=soon", "timeout=soon is no number of seconds; give one like timeout=30"),
    ],
)
def test_a_place_that_cannot_be_meant(url: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "letter.txt").write_text("Dear database,\n" * 200)
    for use in (open_engine, check_database):
        with pytest.raises(ConfigError) as caught:
            use(url, tmp_path)
        assert line in str(caught.value) and "\n" not in str(caught.value)
        assert PASSWORD not in str(caught.value) and "hunter/2" not in str(caught.value)


def test_a_check_makes_no_file_and_looks_into_one_that_is_there(tmp_path: Path) -> None:
    check_database("sqlite:///guard.db", tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "link.db").symlink_to("nowhere/guard.db")
    with pytest.raises(ConfigError, match=r"link\.db: cannot be opened"):
        check_database("sqlite:///link.db", tmp_path)


def test_a_file_that_is_too_old_to_be_one_of_ours_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear database,\n" * 200)
    with pytest.raises(ConfigError):
        open_engine("sqlite:///letter.txt", tmp_path)
    assert path.read_text() == "Dear database,\n" * 200


def test_no_server_is_one_line() -> None:
    url = f"postgresql://u:{PASSWORD}@127.0.0.1:{free_port()}/x"
    with pytest.raises(
        ConfigError, match=r"u:\*\*\*@127.0.0.1.*look whether the server runs and can be reached"
    ) as caught:
        open_engine(url, Path())
    assert PASSWORD not in str(caught.value)


def test_a_wrong_password_is_one_line_without_it(postgres_server: Postgres) -> None:
    postgres_server.execute(f"CREATE ROLE {PASSWORD_ROLE} LOGIN PASSWORD 'right'")
    try:
        url = postgres_server.url().replace("postgres@", f"{PASSWORD_ROLE}:{PASSWORD}@")
        with pytest.raises(
            ConfigError, match=f'password authentication failed for user "{PASSWORD_ROLE}"; give'
        ) as caught:
            open_engine(url, Path())
        assert "hunter" not in str(caught.value)
        open_engine(url.replace(PASSWORD, "right"), Path()).dispose()
    finally:
        postgres_server.execute(f"DROP ROLE {PASSWORD_ROLE}")


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        ("/nowhere", 'database "nowhere" does not exist; create it with createdb, or name another'),
        ("/postgres?sslmode=require", "Server refuses SSL; turn TLS on at the server, or give sslmode=disable"),
    ],
)
def test_a_server_that_refuses_is_one_line(postgres_server: Postgres, tail: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_engine(postgres_server.url().removesuffix("/postgres") + tail, Path())
    assert line in str(caught.value)


@pytest.fixture
def server_with_tls(postgres_server: Postgres) -> Iterator[tuple[Postgres, Path]]:
    """The server with a certificate for `localhost`, and that certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, kept = postgres_server.data / "server.crt", postgres_server.data / "server.key"
    shown.write_bytes(certificate.public_bytes(Encoding.PEM))
    kept.touch(0o600)
    kept.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    owner = postgres_server.data.stat()
    for path in (shown, kept):
        os.chown(path, owner.st_uid, owner.st_gid)
    postgres_server.execute("ALTER SYSTEM SET ssl = on")
    postgres_server.execute("SELECT pg_reload_conf()")
    yield postgres_server, shown
    postgres_server.execute("ALTER SYSTEM RESET ssl")
    postgres_server.execute("SELECT pg_reload_conf()")


def test_tls_as_libpq_has_it(server_with_tls: tuple[Postgres, Path]) -> None:
    server, certificate = server_with_tls

    def encrypted(host: str, query: str) -> bool:
        engine = open_engine(server.url().replace("127.0.0.1", host) + query, Path())
        with engine.connect() as connection:
            statement = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            found: bool = connection.execute(statement).scalar_one()
        engine.dispose()
        return found

    end = time.monotonic() + 10
    while not encrypted("127.0.0.1", ""):  # until the server has read its settings again
        assert time.monotonic() < end
    root = f"sslrootcert={certificate}"
    assert not encrypted("127.0.0.1", "?sslmode=disable")
    assert encrypted("127.0.0.1", "?sslmode=require")
    assert encrypted("localhost", f"?{root}")
    assert encrypted("localhost", f"?sslmode=verify-full&{root}")
    assert encrypted("127.0.0.1", f"?sslmode=verify-ca&{root}")
    for host, query in (("127.0.0.1", f"?sslmode=verify-full&{root}"), ("localhost", "?sslmode=verify-full")):
        with pytest.raises(
            ConfigError, match=r"^state.database: .*certificate verify failed.*; give .* sslrootcert=FILE"
        ):
            encrypted(host, query)


@pytest.mark.parametrize("scheme", ["postgres://", "postgresql://", "postgresql+pg8000://"])
def test_a_url_as_people_paste_it(postgres_server: Postgres, scheme: str) -> None:
    url = postgres_server.url().replace("postgresql+pg8000://", scheme) + "?sslmode=disable&application_name=mine"
    engine = open_engine(url, Path())
    with engine.connect() as connection:
        assert connection.execute(text("SHOW application_name")).scalar_one() == "mine"
    engine.dispose()


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(ConfigError, match=r"driver 'pg8000' is not installed; .*pip install 'stillhouse\[guard\]'"):
        open_engine("postgresql://u@127.0.0.1/x", Path())


def test_a_file_that_another_holds_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.guard.state.database._SECONDS", 0.1)
    engine = open_engine("sqlite:///guard.db", tmp_path)
    other = sqlite3.connect(tmp_path / "guard.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        pytest.raises(StorageError, match=r"^database: .*guard.db: database is locked; another process has held it"),
        database_errors(engine, StorageError),
        writing(engine),
    ):
        pass
    other.close()
    engine.dispose()


def test_opening_again_takes_no_locks_from_this_process(tmp_path: Path) -> None:
    """While one connection writes, a second engine is opened here: another process must still be kept out."""
    code = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], timeout=0.1)\n"
        "try:\n    c.execute('BEGIN IMMEDIATE')\nexcept sqlite3.OperationalError as e:\n    print(e)\n"
    )
    first = open_engine("sqlite:///guard.db", tmp_path)
    with writing(first):
        open_engine("sqlite:///guard.db", tmp_path).dispose()
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "guard.db")], capture_output=True, text=True)
    first.dispose()
    assert done.stdout.strip() == "database is locked", done
