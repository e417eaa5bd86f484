"""The registry of a guard.yaml, and who uses it.

Commands work on the database; no gateway has to run, and those that do see a change within `refresh_seconds`.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.cli.common import console_for, one_line_errors
from stillhouse.config import load, validate
from stillhouse.errors import ConfigError, StorageError
from stillhouse.yaml_text import parse_yaml

if TYPE_CHECKING:
    from stillhouse.guard.access.registry import Registry
    from stillhouse.guard.settings import GuardSettings

__all__ = ["actor_name", "open_registry"]


@contextmanager
def open_registry(config: Path, quiet: bool) -> "Iterator[Registry]":
    """The registry of a guard.yaml, closed at the end; faults as one line.

    `quiet`: nothing is said of a fault that the command can go on with.
    """
    with one_line_errors():
        from sqlalchemy.exc import SQLAlchemyError

        from stillhouse.guard.state.database import database_fault, shown
        from stillhouse.guard.state.open import open_state

        with open_state(_settings(config, quiet), config.resolve().parent, os.environ) as state:
            try:
                yield state.registry
            except SQLAlchemyError as error:
                raise StorageError(f"database: {shown(state.engine)}: {database_fault(error)}") from None


def actor_name(given: str | None) -> str:
    """Who is logged in, also behind sudo."""
    from stillhouse.guard.access.checks import check_text

    actor = given or os.environ.get("SUDO_USER") or _user()
    check_text(actor, "--actor")
    return actor


def _settings(config: Path, quiet: bool) -> "GuardSettings":
    """The settings; of a file with a fault elsewhere only where the state lies: a decision must still be possible."""
    from stillhouse.guard.settings import GuardSettings

    try:
        return load(GuardSettings, config)
    except ConfigError as fault:
        data = parse_yaml(config.read_text(encoding="utf-8")) if config.is_file() else None
        if not isinstance(data, dict):
            raise
        kept = {name: data[name] for name in ("state", "ledger", "upstreams", "models") if name in data}
        plans = data.get("plans")
        named: dict[str, Any] = {name: {} for name in plans} if isinstance(plans, dict) else {}
        settings = validate(GuardSettings, {**kept, "plans": {"default": {}, **named}}, str(config))
        console_for(quiet).print(f"{fault}; going on with its sections state and ledger", markup=False, highlight=False)
        return settings


def _user() -> str:
    """The name of the process's user, by the system and not by the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
