"""Brings a database to the tables that this version works with; safe when several gateways start at once.

Each revision is a file under `versions/`, in the package, so that whoever has the wheel has them. A revision writes its
tables out instead of taking them from `tables.py`: what it made once, it makes for ever. Alembic runs without its own
`env.py`, which is a script for its command line.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from stillhouse.errors import ConfigError
from stillhouse.guard.state.database import database_errors, shown, writing

__all__ = ["VERSION_TABLE", "migrate"]

VERSION_TABLE = "stillhouse_schema"  # a name of its own: other programs' databases may be Alembic's too
_LOCK = 0x5354494C4C  # any number, as long as every version takes the same


def migrate(engine: Engine) -> None:
    """Make or change the tables where they are not those of this version, in one transaction; all of it or nothing.

    ConfigError for a database of a newer version, and for one that refuses.
    """
    script = ScriptDirectory(str(Path(__file__).parent))
    with database_errors(engine, ConfigError):
        with engine.connect() as connection:
            if _revision(connection) == script.get_current_head():
                return  # nobody has to wait for this
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            _upgrade(connection, script, shown(engine))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _upgrade(connection: Connection, script: ScriptDirectory, place: str) -> None:
    revision = _revision(connection)
    known = [one.revision for one in script.walk_revisions()]
    if revision is not None and revision not in known:
        raise ConfigError(
            f"database: {place}: its tables are of revision {revision}, which is newer than this version of stillhouse "
            f"({known[0]}); install a newer stillhouse"
        )

    def steps(current: Any, _context: MigrationContext) -> Iterable[MigrationStep]:
        found = list(script.iterate_revisions("head", current or "base"))
        return [MigrationStep.upgrade_from_script(script.revision_map, one) for one in reversed(found)]

    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "fn": steps})
    with Operations.context(context):
        context.run_migrations()
