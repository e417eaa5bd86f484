"""The guardrail endpoint: decisions, records, alarms, and every body that is none, over real HTTP too."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from stillhouse.errors import StorageError
from stillhouse.guard.beside.litellm_guardrail import PATH, Guardrail
from stillhouse.guard.refusal import Refusal
from stillhouse.records import exchange_from_record, exchange_to_record
from stillhouse.types import Exchange
from tests.guard.beside.serving import serving

NOW = 1784880930.125
REFUSAL = Refusal("permission", "action.suspend", "This account is suspended.", link="https://example.org/appeal")


class Suspended:
    """A gate that knows one account."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def decide(self, account: str) -> Refusal | None:
        self.asked.append(account)
        return REFUSAL if account == "mallory" else None


class Broken:
    def decide(self, account: str) -> Refusal | None:
        raise StorageError("state.db: disk full; free space")


def body(account: str | None = "ann", **changes: Any) -> dict[str, Any]:
    """A question as LiteLLM 1.109.1 puts it."""
    data = {"user_api_key_hash": "9f0c", "user_api_key_team_id": "team-7", "user_api_key_user_id": account}
    return {
        "input_type": "request",
        "litellm_call_id": "2b4255c0",
        "litellm_trace_id": "0f049804",
        "structured_messages": [{"role": "user", "content": "hi"}],
        "images": None,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "texts": ["hi"],
        "request_data": {name: value for name, value in data.items() if value is not None},
        "request_headers": {"User-Agent": "OpenAI/Python 3.57.0", "x-request-id": "[present]"},
        "litellm_version": "1.109.1",
        "additional_provider_specific_params": {},
        "tool_calls": None,
        "model": "stub",
        **changes,
    }


def answer(guardrail: Guardrail, asked: Any) -> tuple[int, Any]:
    status, text = guardrail.answer(json.dumps(asked).encode())
    return status, json.loads(text)


def test_who_may_passes_and_who_may_not_is_told_why() -> None:
    guardrail = Guardrail(Suspended(), clock=lambda: NOW)
    assert answer(guardrail, body()) == (200, {"action": "NONE"})
    assert answer(guardrail, body("mallory")) == (
        200,
        {
            "action": "BLOCKED",
            "blocked_reason": "This account is suspended. https://example.org/appeal [action.suspend]",
        },
    )
    assert (guardrail.counts.asked, guardrail.counts.refused) == (2, 1)


def test_the_account_is_the_owner_of_the_key_or_the_key_or_what_the_user_says() -> None:
    gate = Suspended()
    guardrail = Guardrail(gate, clock=lambda: NOW)
    answer(guardrail, body())
    answer(guardrail, body(None))
    answer(Guardrail(gate, clock=lambda: NOW, account=["user_api_key_team_id"]), body())
    assert gate.asked == ["ann", "9f0c", "team-7"]


def test_whose_account_is_not_told_passes_and_is_counted() -> None:
    gate = Suspended()
    guardrail = Guardrail(gate, clock=lambda: NOW)
    assert answer(guardrail, body(request_data={"user_api_key_alias": "x"})) == (200, {"action": "NONE"})
    assert gate.asked == [] and guardrail.counts.unknown == 1


def test_answers_are_not_decided_again() -> None:
    gate = Suspended()
    asked = body("mallory", input_type="response", structured_messages=None, texts=["Seven times"])
    assert answer(Guardrail(gate, clock=lambda: NOW), asked) == (200, {"action": "NONE"})
    assert gate.asked == []


def test_what_was_asked_is_recorded() -> None:
    seen: list[Exchange] = []
    guardrail = Guardrail(Suspended(), clock=lambda: NOW, on_exchange=seen.append)
    answer(guardrail, body())
    answer(guardrail, body("mallory", tools=None))
    passed, refused = seen
    assert passed == Exchange(
        id=passed.id,
        time="2026-07-24T08:15:30.125Z",
        account="ann",
        organisation="team-7",
        key="9f0c",
        model="stub",
        api="chat.completions",
        request={"model": "stub", "messages": [{"role": "user", "content": "hi"}], "tools": body()["tools"]},
        client={"user_agent": "OpenAI/Python 3.57.0"},
        status=0,
        extra={"source": "litellm-guardrail", "call": "2b4255c0"},
    )
    assert (refused.status, refused.response, refused.extra["rule"]) == (403, None, "action.suspend")
    assert "tools" not in refused.request
    for exchange in seen:
        assert exchange_from_record(exchange_to_record(exchange), "x") == exchange


@pytest.mark.parametrize("changes", [{"structured_messages": None}, {"model": None}, {"model": ""}])
def test_what_is_not_known_whole_is_decided_and_not_recorded(changes: dict[str, Any]) -> None:
    seen: list[Exchange] = []
    guardrail = Guardrail(Suspended(), clock=lambda: NOW, on_exchange=seen.append)
    assert answer(guardrail, body("mallory", **changes))[1]["action"] == "BLOCKED"
    assert seen == []


@pytest.mark.parametrize("headers", [None, "x", {}, {"user-agent": 7}])
def test_headers_may_be_anything(headers: Any) -> None:
    seen: list[Exchange] = []
    answer(Guardrail(Suspended(), clock=lambda: NOW, on_exchange=seen.append), body(request_headers=headers))
    assert seen[0].client == {}


def test_a_fault_of_the_gate_or_the_recorder_is_an_alarm_and_the_request_passes() -> None:
    def full(exchange: Exchange) -> None:
        raise StorageError("log.jsonl: disk full; free space")

    alarms: list[str] = []
    guardrail = Guardrail(Broken(), clock=lambda: NOW, on_exchange=full, on_alarm=alarms.append)
    assert answer(guardrail, body("mallory")) == (200, {"action": "NONE"})
    assert alarms == [
        "guardrail: no decision (state.db: disk full; free space); the request passed",
        "guardrail: not recorded (log.jsonl: disk full; free space)",
    ]
    assert guardrail.counts.alarms == 2


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "the body is not JSON ("),
        (b"{", "the body is not JSON ("),
        (b"\xff", "the body is not JSON ("),
        (b'{"a": NaN}', "the body is not JSON ("),
        (b"[]", "the body is not a JSON object"),
        (b"{}", "request_data is not an object"),
        (b'{"request_data": []}', "request_data is not an object"),
        (b'{"request_data": {}}', "input_type is neither 'request' nor 'response'"),
        (b'{"request_data": {}, "input_type": ["request"]}', "input_type is neither"),
        (
            b'{"request_data": {"user_api_key_user_id": 1.5}, "input_type": "request"}',
            "request_data: field 'user_api_key_user_id' is 1.5; it must be text",
        ),
        (b"[" * 5000 + b"]" * 5000, "the body is not JSON ("),
    ],
)
def test_a_body_that_is_none_is_told_in_one_line(raw: bytes, detail: str) -> None:
    guardrail = Guardrail(Suspended(), clock=lambda: NOW)
    status, text = guardrail.answer(raw)
    assert status == 422 and json.loads(text)["detail"].startswith(detail) and b"\\n" not in text
    assert guardrail.counts.malformed == 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=5), below, max_size=2),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.sampled_from(sorted(body())), JSON)
def test_whatever_stands_in_a_field_it_is_answered(name: str, value: Any) -> None:
    guardrail = Guardrail(Suspended(), clock=lambda: NOW, on_exchange=lambda exchange: None)
    status, text = guardrail.answer(json.dumps(body(**{name: value})).encode())
    assert status in (200, 422) and isinstance(json.loads(text), dict)


@pytest.fixture
def server() -> Iterator[str]:
    guardrail = Guardrail(Suspended(), clock=lambda: NOW, api_key="k-1")
    with serving(Starlette(routes=[guardrail.route()])) as url:
        yield url


def test_over_http(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"x-api-key": "k-1"}
    with httpx2.Client(base_url=server, trust_env=False) as client:
        passed = client.post(PATH, json=body(), headers=key)
        assert (passed.status_code, passed.json(), passed.headers["content-type"]) == (
            200,
            {"action": "NONE"},
            "application/json",
        )
        assert client.post(PATH, json=body("mallory"), headers=key).json()["action"] == "BLOCKED"
        assert client.post(PATH, content=b"{", headers=key).status_code == 422
        assert client.get(PATH, headers=key).status_code == 405
        for wrong in (b"", b"k-2", "é".encode("latin-1")):
            refused = client.post(PATH, json=body("mallory"), headers=[(b"x-api-key", wrong)] if wrong else None)
            detail = {"detail": "x-api-key is not the key of this guardrail"}
            assert (refused.status_code, refused.json()) == (401, detail)
        monkeypatch.setattr("stillhouse.guard.beside.litellm_guardrail._MOST_BYTES", 1 << 20)
        large = client.post(PATH, json=body(texts=["x" * (2 << 20)]), headers=key)
        assert (large.status_code, large.json()) == (413, {"detail": "the body is larger than 1 MiB"})


def test_a_client_that_breaks_off_harms_nobody(server: str) -> None:
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as broken:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nx-api-key: k-1\r\ncontent-length: 100\r\n\r\n"
        broken.sendall(head.encode() + b'{"input')
    with httpx2.Client(base_url=server, trust_env=False) as client:
        assert client.post(PATH, json=body(), headers={"x-api-key": "k-1"}).status_code == 200
