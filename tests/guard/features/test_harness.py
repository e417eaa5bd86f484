"""The fingerprint of a client: versions do not count, settings do, content does not."""

from typing import Any

import pytest

from stillhouse.guard.features.asked import asked
from stillhouse.guard.features.harness import fingerprint, harness_token
from stillhouse.guard.features.tokens import Kind, hasher, kind_of
from stillhouse.types import Api, Exchange
from tests.guard.features.exchanges import exchange

AGENT = "openai-python/2.9.0 CPython/3.12.1 Linux"
BODY = {"model": "served", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.7}


def shown(body: dict[str, Any] = BODY, agent: str | None = AGENT, api: Api = "chat.completions", **client: Any) -> str:
    one: Exchange = exchange(body, api, client={"user_agent": agent, **client})
    return fingerprint(one, asked(one))


def test_a_fingerprint_by_hand() -> None:
    tools = [{"type": "function", "function": {"name": "b"}}, {"type": "function", "function": {"name": "a"}}]
    body = {**BODY, "tools": tools, "response_format": {"type": "text"}, "stream": True}
    assert shown(body, harness="aider") == (
        "openai-python/ CPython/ Linux|aider|chat.completions|model=served|response_format|stream=True"
        "|temperature=0.7|a|b"
    )


@pytest.mark.parametrize(
    "agent", ["openai-python/2.10.0 CPython/3.12.1 Linux", "openai-python/3.0.0-rc1 CPython/3.14 Linux"]
)
def test_versions_do_not_count(agent: str) -> None:
    assert shown(agent=agent) == shown()


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "messages": [{"role": "user", "content": "Something else"}]},
        {**BODY, "metadata": {"run": "17"}, "user": "alice"},
        {name: BODY[name] for name in reversed(BODY)},
    ],
)
def test_content_does_not_count(body: dict[str, Any]) -> None:
    assert shown(body) == shown()


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "temperature": 0.8},
        {**BODY, "top_p": 1.0},
        {**BODY, "model": "large"},
        {**BODY, "response_format": {"type": "text"}},
        {**BODY, "tools": [{"type": "web_search"}]},
        {name: BODY[name] for name in BODY if name != "temperature"},
    ],
)
def test_settings_and_tools_count(body: dict[str, Any]) -> None:
    assert shown(body) != shown()


def test_program_harness_and_api_count() -> None:
    others = {shown(agent="curl/8"), shown(agent=None), shown(harness="aider"), shown(api="completions"), shown()}
    assert len(others) == 5


def test_values_of_other_settings_do_not_count() -> None:
    assert shown({**BODY, "response_format": {"type": "text"}}) == shown({**BODY, "response_format": {"type": "json"}})


def test_what_a_client_makes_long_is_cut() -> None:
    many = [{"type": "function", "function": {"name": f"tool_{at}"}} for at in range(20_000)]
    assert len(shown({**BODY, "tools": many, "stop": "s" * (1 << 20)}, agent="a" * (1 << 16))) == 8192
    assert shown(agent="a" * 1024) == shown(agent="a" * 2000) != shown(agent="a" * 1023)


def test_the_token_is_keyed_and_of_its_kind() -> None:
    one = exchange(BODY, client={"user_agent": AGENT})
    first, second = (harness_token(one, asked(one), hasher(key)) for key in (b"one key", b"another key"))
    assert kind_of(first) is kind_of(second) is Kind.CLIENT and first != second
