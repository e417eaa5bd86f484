"""Access logs of Envoy AI Gateway: documented fields, fields of one's own, lines that are none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stillhouse.guard.ingest.envoy import read
from stillhouse.guard.ingest.outcome import Fault, PassedOver
from stillhouse.guard.ingest.rows import read_rows
from stillhouse.types import Exchange
from tests.guard.ingest.samples import access_line, one_exchange, one_fault, one_passed_over, rows


def exchange(changes: Mapping[str, str] = {}, /, **fields: Any) -> Exchange:
    return one_exchange(read(rows(access_line(**fields)), changes))


def test_a_documented_line() -> None:
    found = exchange()
    assert found == Exchange(
        id=found.id,
        time="2026-07-24T08:15:30.125Z",
        account="acct_17",
        model="stub",
        api="chat.completions",
        request={"model": "stub", "messages": [{"role": "user", "content": None}]},
        response={"choices": [{"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": None}]},
        usage={"input_tokens": 31, "output_tokens": 12, "reasoning_tokens": 5},
        client={"ip": "198.51.100.7", "user_agent": "OpenAI/Python 3.57.0"},
        status=200,
        latency_ms=912.0,
        extra={"source": "envoy", "request_id": "83b63da3"},
    )


def test_fields_of_ones_own() -> None:
    found = exchange(
        {"account": "claims.sub", "time": "ts", "ip": "x-forwarded-for", "organisation": "=acme", "key": "key"},
        claims={"sub": "acct_9"},
        ts="1784880930",
        key="k1",
    )
    assert (found.account, found.time, found.organisation, found.key) == (
        "acct_9",
        "2026-07-24T08:15:30.000Z",
        "acme",
        "k1",
    )
    assert found.client["ip"] == "198.51.100.7"  # the last: the first one can be written by the client


def test_nested_formats_are_read_too() -> None:
    line = access_line()
    nested = {name: value for name, value in line.items() if not name.startswith(("gen_ai.", "user.id"))}
    nested |= {"gen_ai": {"request": {"model": "stub"}, "usage": {"input_tokens": 31}}, "user": {"id": "acct_17"}}
    found = one_exchange(read(rows(nested), {}))
    assert (found.model, found.account, found.usage) == ("stub", "acct_17", {"input_tokens": 31})


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/chat/completions", "chat.completions"),
        ("/openai/v1/completions/", "completions"),
        ("/v1/responses", "responses"),
        ("/anthropic/v1/messages?beta=true", "messages"),
        ("/v1/embeddings", "embeddings"),
    ],
)
def test_the_path_says_the_api(path: str, api: str) -> None:
    assert one_exchange(read(rows(access_line(**{"x-envoy-origin-path": path})), {})).api == api


def test_an_api_may_be_given_for_all_lines() -> None:
    line = {name: value for name, value in access_line().items() if name != "x-envoy-origin-path"}
    assert one_passed_over(read(rows(line), {})) == "a path of none of the known APIs"
    assert one_exchange(read(rows(line), {"api": "=messages"})).api == "messages"
    assert one_fault(read(rows(line), {"api": "=chat"})).startswith("log:1: field 'api' is 'chat'; it must be one of ")


@pytest.mark.parametrize(("code", "answered"), [(200, True), (429, False), (503, False), (0, False), (None, True)])
def test_status(code: int | None, answered: bool) -> None:
    found = exchange(response_code=code)
    assert found.status == (200 if code is None else code) and (found.response is not None) == answered


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("198.51.100.7:51812", "198.51.100.7"),
        ("[2001:db8::7]:51812", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("tok_ab", "tok_ab"),
    ],
)
def test_addresses_lose_their_port(written: str, address: str) -> None:
    assert exchange(downstream_remote_address=written).client["ip"] == address


def test_the_same_line_twice_is_one_exchange_and_a_reused_request_id_is_not() -> None:
    assert exchange().id == exchange().id
    assert exchange().id != exchange(duration=913).id


def test_without_an_account_the_remedy_is_said() -> None:
    fault = one_fault(read(rows(access_line(**{"user.id": "-"})), {}))
    assert fault.startswith(
        "log:1: no account (looked for user.id or enduser.id or x-user-id or tenant.id or x-tenant-id)"
    )
    assert fault.endswith("name it with --account")


def test_what_is_no_model_call_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "envoy.log"
    path.write_text('[2026-07-24 08:15:30.125][1][info][main] starting\n{"cut": \n["a"]\n')
    assert [type(found) for found in read(read_rows(path, lines_only=True), {})] == [PassedOver, Fault, PassedOver]
    mcp = access_line(**{"gen_ai.request.model": None, "gen_ai.response.model": None})
    assert one_passed_over(read(rows(mcp), {})) == "a request to no model"


@pytest.mark.parametrize("name", ["response_code", "duration", "gen_ai.usage.input_tokens"])
@pytest.mark.parametrize("value", ["many", -1, 1.5, 10**40, True, [1]])
def test_numbers_that_are_none_are_faults(name: str, value: Any) -> None:
    assert one_fault(read(rows(access_line(**{name: value})), {})).startswith(f"log:1: field '{name}' is ")
