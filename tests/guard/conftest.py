"""What tests of the guard share: servers that gateways share (`postgres_url`, `valkey_url`, empty for each test), and
the state of a guard.yaml opened on any database (`open_at`)."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from valkey import Valkey

from stillhouse.config import validate
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.open import State, open_state
from tests.guard.services import Missing, Postgres, postgres, valkey
from tests.guard.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Composed logs, the reference learnt from the honest one, and a replay of the other, made once."""
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One cluster for the whole run; skips with the reason where there is no server."""
    try:
        with postgres() as server:
            yield server
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """SQLAlchemy's URL of an empty database of this test's own."""
    with postgres_server.fresh() as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """One server for the whole run; skips with the reason where there is none."""
    try:
        with valkey() as url:
            yield url
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The URL of an empty Valkey."""
    with Valkey.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each make, in turn."""
    if request.param == "sqlite":
        return "sqlite:///guard.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


class OpenAt(Protocol):
    """`open_at(url, clock=time.time)`: the state of a guard.yaml in the test's folder, closed with the test."""

    def __call__(self, url: str = ..., *, clock: Callable[[], float] = ...) -> State: ...


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[OpenAt]:
    with ExitStack() as stack:

        def opened(url: str = "sqlite:///guard.db", *, clock: Callable[[], float] = time.time) -> State:
            return stack.enter_context(open_state(guard_settings(url), tmp_path, {}, clock=clock))

        yield opened


def guard_settings(url: str) -> GuardSettings:
    """One upstream, the models `small` and `large`, the plans `default` and `pro`."""
    return validate(
        GuardSettings,
        {
            "upstreams": [{"name": "one", "base_url": "http://127.0.0.1:8000/v1"}],
            "models": [{"name": name, "upstreams": ["one"]} for name in ("small", "large")],
            "plans": {"default": {}, "pro": {}},
            "state": {"database": url},
        },
        "guard.yaml",
    )
