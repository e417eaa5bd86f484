"""Everything that gateways share, opened at one place: by the gateway's process and by every command."""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from stillhouse.errors import ConfigError, StorageError
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.ledger.database import newest_checkpoint
from stillhouse.guard.ledger.signing_key import load_signing_key, make_signing_key, write_public_key
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.settings import GuardSettings, StateSettings
from stillhouse.guard.state.database import open_engine, shown
from stillhouse.guard.state.migrations import migrate

__all__ = ["State", "open_state"]


@dataclass(frozen=True)
class State:
    """Close it at the end, or use it in a `with`."""

    engine: Engine
    ledger: Ledger
    registry: Registry

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_state(
    settings: GuardSettings,
    folder: Path,
    environ: Mapping[str, str],
    *,
    clock: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> State:
    """Database, ledger and registry of a guard.yaml, whose folder relative paths are meant from.

    Makes the database's tables and the ledger's key where there are none yet, and puts the public key beside the SQLite
    file (or the signing key), where `ledger verify` looks for it. Writes no entry: call `ledger.open()` for
    the first one. ConfigError for whatever cannot be used.
    """
    engine = _open_database(settings.state, folder, environ)
    try:
        migrate(engine)
        key = _signing_key(engine, folder / settings.ledger.key)
        beside = _beside(engine, folder / settings.ledger.key)
        kept = settings.ledger.checkpoint
        checkpoint = beside.with_name(f"{beside.name}.checkpoint") if kept is None else folder / kept
        ledger = Ledger(engine, key, settings.ledger.origin, checkpoint_file=checkpoint, clock=clock)
        public = beside.with_name(f"{beside.name}.pub")
        if not public.exists():
            write_public_key(public, ledger.verifier)
        return State(engine, ledger, Registry(engine, ledger, clock, random, lambda: settings))
    except BaseException:
        engine.dispose()
        raise


def _beside(engine: Engine, key: Path) -> Path:
    """What the public key and the newest checkpoint are named after: a SQLite file, or the signing key."""
    database = engine.url.database
    return Path(database) if engine.dialect.name == "sqlite" and database not in (None, "", ":memory:") else key


def _open_database(settings: StateSettings, folder: Path, environ: Mapping[str, str]) -> Engine:
    if settings.database_env is None:
        return open_engine(settings.database, folder)
    url = environ.get(settings.database_env)
    if not url:
        raise ConfigError(
            f"state.database_env: the variable {settings.database_env} is not set; export it, or leave the key out"
        )
    return open_engine(url, folder, f"state.database_env {settings.database_env}")


def _signing_key(engine: Engine, path: Path) -> Ed25519PrivateKey:
    """The key of the ledger; a new one only where nothing was signed yet, since another could not go on with it."""
    if path.exists():
        return load_signing_key(path)
    with engine.connect() as connection:
        signed = newest_checkpoint(connection) is not None
    if signed:
        raise ConfigError(
            f"ledger.key: {path} is not there, and the ledger in {shown(engine)} was signed with it; copy it here from "
            "the machine that has it"
        )
    with suppress(StorageError):  # another process may have made it by now; if it is for another reason, loading tells
        make_signing_key(path)
    return load_signing_key(path)
