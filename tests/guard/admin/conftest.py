"""The application over a real state, asked as programs ask it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.testclient import TestClient

from stillhouse.errors import ConfigError
from stillhouse.guard.access.directory import Directory
from stillhouse.guard.admin.app import admin_app
from stillhouse.guard.state.open import State
from tests.guard.conftest import OpenAt

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


DeskAt = Callable[..., Desk]


@pytest.fixture
def desk_at(open_at: OpenAt) -> Iterator[DeskAt]:
    """`desk_at(url, token=..., **more)`: the application on a database of that URL."""
    opened: list[TestClient] = []

    def make(url: str = "sqlite:///guard.db", token: bytes | None = None, **more: Any) -> Desk:
        state, directory, process = open_at(url), Directory(), Process()
        directory.load(state.engine)
        app = admin_app(state.registry, directory, state.ledger, token, process.reload, process.status, **more)
        client = TestClient(app, base_url="http://127.0.0.1:8081")
        opened.append(client)
        return Desk(client, state, directory, process)

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def desk(desk_at: DeskAt) -> Desk:
    """Without a token, on SQLite."""
    return desk_at()
