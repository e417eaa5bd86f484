"""One gateway for the tests of a module, in front of a stub whose script each test sets."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.state.tables import directory_version
from tests.guard.running import Running, running
from tests.guard.stub import Stub, chat_answer, json_answer

_NUMBERS = itertools.count()
PLANS = {
    "default": {},
    "closed": {"policy": {"logprobs": "refuse", "seed": "strip", "max_n": 2}},
    "small": {"account": {"requests_per_minute": 2}},
    "one": {"account": {"concurrent": 1}},
    "poor": {"account": {"budget_per_day": 0.001}},
    "thrifty": {"account": {"tokens_per_minute": 3000}},
    "shut": {"policy": {"reasoning": "strip"}},
}


@dataclass(frozen=True)
class Front:
    """The gateway, what is behind it, and a client for it. `key(plan)` gives the key of a new account of that plan."""

    gateway: Running
    stub: Stub
    state: Any
    client: httpx2.Client

    def key(self, plan: str = "default", organisation: str = "org") -> str:
        return self.key_of(self.account(plan, organisation))

    def account(self, plan: str = "default", organisation: str = "org") -> str:
        name = f"acct_{next(_NUMBERS)}"
        self.state.registry.create_account(Account(id=name, organisation=organisation, plan=plan))
        return name

    def key_of(self, name: str) -> str:
        secret: str = self.state.registry.create_key(name).secret
        self.seen()
        return secret

    def seen(self) -> None:
        """Until the gateway has read what was changed."""
        with self.state.engine.connect() as connection:
            version = connection.execute(select(directory_version.c.value)).scalar_one()
        for _ in range(200):
            if self.client.get(f"{self.gateway.admin}/v1/status").json()["directory_version"] >= version:
                return
            time.sleep(0.01)
        raise AssertionError("the gateway does not see the change")

    def ask(self, key: str, body: Any = None, path: str = "/v1/chat/completions", **more: Any) -> httpx2.Response:
        question = {"model": "served", "messages": [{"role": "user", "content": "two and two?"}]}
        return self.client.post(
            self.gateway.url + path,
            json=question | (body or {}) if body is None or isinstance(body, dict) else body,
            headers={"authorization": f"Bearer {key}", **more.pop("headers", {})},
            **more,
        )


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    prices = {"input": 100.0, "output": 100.0}
    with (
        Stub(lambda asked: json_answer(chat_answer())) as stub,
        running(
            folder,
            stub.url,
            plans=PLANS,
            models=[
                {"name": "served", "upstreams": ["one"], "upstream_name": "inner", "prices": prices},
                {"name": "other", "upstreams": ["one"]},
            ],
            listen={"body_bytes": 100_000, "receive_seconds": 1.0},
            timeouts={"first_byte": 1.0, "stall": 0.5, "connect": 1.0},
            access={"slow": {"delay_seconds": 0.3}, "contact": "https://example.org/appeal"},
        ) as gateway,
        httpx2.Client(timeout=20) as client,
    ):
        state = gateway.state()
        state.registry.create_organisation(Organisation(id="org"))
        try:
            yield Front(gateway, stub, state, client)
        finally:
            state.close()
