"""What `serve` and `check` look at before anything is opened: all that can be wrong with a config by itself."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stillhouse.errors import ConfigError, RecordError, StorageError
from stillhouse.guard.counters.link import parse_address
from stillhouse.guard.gateway.runtime import Runtime, make_runtime
from stillhouse.guard.log.privacy import Privacy
from stillhouse.guard.reference.check import check_reference
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.database import check_database
from stillhouse.records.files import check_place

__all__ = ["Prepared", "prepare"]

_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """A config with its secrets. None is a secret that the config does not ask for."""

    runtime: Runtime
    counters: str
    admin_token: bytes | None
    beside_token: bytes | None
    scaffold_secret: bytes | None


def prepare(settings: GuardSettings, folder: Path, environ: Mapping[str, str]) -> Prepared:
    """ConfigError in one line for whatever is wrong. Makes nothing."""
    told = _secret(settings.state.counters_env, "state.counters_env", environ)
    counters = settings.state.counters if told is None else told.decode()
    if counters != "memory":
        parse_address(counters)
    scaffold_secret = _secret(settings.log.scaffold_key_env, "log.scaffold_key_env", environ)
    Privacy(settings.log.privacy, scaffold_secret)
    _check_log(folder / settings.log.folder)
    if settings.detect.reference is not None:
        _check_reference(folder / settings.detect.reference)
    if settings.state.database_env is None:
        check_database(settings.state.database, folder)
    return Prepared(
        runtime=make_runtime(settings, folder, environ, time.monotonic),
        counters=counters,
        admin_token=_token(settings.admin.token_env, "admin.token_env", environ),
        beside_token=_token(settings.beside.token_env, "beside.token_env", environ),
        scaffold_secret=scaffold_secret,
    )


def _check_log(folder: Path) -> None:
    try:
        check_place(folder / "segment" if folder.exists() else folder, make_parents=True)
    except StorageError as error:
        raise ConfigError(f"log.folder: {error}") from None


def _check_reference(folder: Path) -> None:
    try:
        check_reference(folder)
    except RecordError as error:
        raise ConfigError(f"detect.reference: {error}") from None


def _secret(variable: str | None, setting: str, environ: Mapping[str, str]) -> bytes | None:
    if variable is None:
        return None
    value = environ.get(variable)
    if not value:
        raise ConfigError(
            f"{setting} is {variable}, an environment variable that is not set; set it, or remove the key"
        )
    return value.encode()


def _token(variable: str | None, setting: str, environ: Mapping[str, str]) -> bytes | None:
    token = _secret(variable, setting, environ)
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise ConfigError(
            f"{setting}: {variable} holds {len(token)} bytes, which can be guessed; give {_SHORTEST_TOKEN} or more"
        )
    return token
