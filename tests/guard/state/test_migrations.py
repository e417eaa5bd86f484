"""The tables that revisions make are those of tables.py, whoever makes them and however many do so at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Engine, Integer, MetaData, Table, inspect, text

from stillhouse.errors import ConfigError
from stillhouse.guard.state.database import open_engine, writing
from stillhouse.guard.state.migrations import VERSION_TABLE, migrate
from stillhouse.guard.state.tables import metadata
from tests.guard.services import Postgres


def differences(engine: Engine, wanted: MetaData) -> list[Any]:
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    with engine.connect() as connection:
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), wanted)
    return found


def test_tables_and_revisions_agree(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url, tmp_path)
    migrate(engine)
    assert differences(engine, metadata) == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, value FROM directory_version")).all() == [(1, 0)]
    more = MetaData()
    for table in metadata.tables.values():
        table.to_metadata(more)
    more.tables["counters"].append_column(Column("limit", Integer))
    Table("more", more, Column("id", Integer))
    assert len(differences(engine, more)) == 2, "the comparison sees nothing"
    engine.dispose()


def test_a_second_time_changes_nothing(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url, tmp_path)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE directory_version SET value = 7"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT value FROM directory_version")).scalar_one() == 7
    engine.dispose()


def test_gateways_that_start_at_once(database_url: str, tmp_path: Path) -> None:
    def start(_: int) -> None:
        engine = open_engine(database_url, tmp_path)
        migrate(engine)
        engine.dispose()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(start, range(5)))
    engine = open_engine(database_url, tmp_path)
    assert differences(engine, metadata) == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, value FROM directory_version")).all() == [(1, 0)]
    engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url, tmp_path)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(
        ConfigError, match=r"revision 9999, which is newer than .* \(0002\); install a newer stillhouse"
    ):
        migrate(engine)
    assert differences(engine, metadata) == []
    engine.dispose()


def test_tables_of_somebody_else_are_left_alone(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url, tmp_path)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE counters (mine INTEGER)"))
    with pytest.raises(ConfigError, match=r"counters.* already exists"):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["counters"]
    engine.dispose()


def test_a_user_who_may_not_make_tables(postgres_server: Postgres, postgres_url: str) -> None:
    postgres_server.execute("CREATE ROLE reader LOGIN")
    try:
        engine = open_engine(postgres_url.replace("postgres@", "reader@"), Path())
        with pytest.raises(ConfigError, match="permission denied for schema public; grant it to this user"):
            migrate(engine)
        engine.dispose()
    finally:
        postgres_server.execute("DROP ROLE reader")
