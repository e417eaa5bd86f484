"""The application over a real state, asked as programs ask it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.testclient import TestClient

from stillhouse.errors import ConfigError
from stillhouse.guard.access.directory import Directory
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.admin.app import admin_app
from stillhouse.guard.state.open import State, open_state
from tests.guard.conftest import OpenAt, guard_settings

TOKEN = "t0ken"


@dataclass
class Process:
    """What a gateway's process would do: counts reloads, refuses them where told to."""

    reloads: int = 0
    fault: str = ""
    told: dict[str, Any] = field(default_factory=lambda: {"running": 3})

    def reload(self) -> None:
        if self.fault:
            raise ConfigError(self.fault)
        self.reloads += 1

    def status(self) -> Mapping[str, Any]:
        return self.told


@dataclass
class Desk:
    """The application's client, and what lies behind it."""

    client: TestClient
    state: State
    directory: Directory
    process: Process

    def ask(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """The JSON of an answer that must have this status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.request(method, path, json=body, headers=named)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    def fault(self, method: str, path: str, body: Any = None, status: int = 422, **headers: str) -> str:
        """The line of a refusal."""
        message: str = self.ask(method, path, body, status, **headers)["error"]["message"]
        assert "\n" not in message and "Traceback" not in message
        return message


@contextmanager
def opened(state: State, token: bytes | None = None, **more: Any) -> Iterator[Desk]:
    """The application on a state, as a gateway's process has it."""
    directory, process = Directory(), Process()
    directory.load(state.engine)
    app = admin_app(state.registry, directory, state.ledger, token, process.reload, process.status, **more)
    with TestClient(app, base_url="http://127.0.0.1:8081") as client:
        yield Desk(client, state, directory, process)


DeskAt = Callable[..., Desk]


@pytest.fixture
def desk_at(open_at: OpenAt) -> Iterator[DeskAt]:
    """`desk_at(url, token=..., **more)`: the application on a database of that URL."""
    with ExitStack() as stack:

        def make(url: str = "sqlite:///guard.db", token: bytes | None = None, **more: Any) -> Desk:
            return stack.enter_context(opened(open_at(url), token, **more))

        yield make


@pytest.fixture
def desk(desk_at: DeskAt) -> Desk:
    """Without a token, on SQLite."""
    return desk_at()


@pytest.fixture(scope="module")
def calm_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """The accounts `alice` and `bob` of `acme`, for tests that change nothing."""
    with open_state(guard_settings("sqlite:///guard.db"), tmp_path_factory.mktemp("calm"), {}) as state:
        customer(state)
        yield state


@pytest.fixture(scope="module")
def calm(calm_state: State) -> Iterator[Desk]:
    """Without a token, on `calm_state`."""
    with opened(calm_state) as desk:
        yield desk


def customer(state: State) -> None:
    state.registry.create_organisation(Organisation(id="acme"))
    for name in ("alice", "bob"):
        state.registry.create_account(Account(id=name, organisation="acme"))
