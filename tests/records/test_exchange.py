"""The format: what FORMATS requires is required, what it allows passes, nothing is lost."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.errors import RecordError
from stillhouse.records.exchange import exchange_from_record, exchange_to_record
from stillhouse.types import Exchange

FULL: Mapping[str, Any] = {
    "v": "stillhouse.exchange/1",
    "id": "ex_01J",
    "time": "2026-07-24T08:15:30.125Z",
    "account": "acct_17",
    "organisation": "org_3",
    "key": "key_9",
    "model": "served-model",
    "api": "chat.completions",
    "request": {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0.7, "n": 1, "stream": True},
    "response": {"choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]},
    "usage": {"input_tokens": 211, "output_tokens": 180, "reasoning_tokens": 0, "cached_input_tokens": 0},
    "client": {"ip": "198.51.100.7", "asn": 64500, "country": "DE", "ja4": None, "harness": None},
    "registration": {"created": "2026-07-01T00:00:00Z", "plan": "payg", "phone": None},
    "status": 200,
    "latency_ms": 912.0,
}
NEEDED = ("id", "time", "account", "model", "api", "request")


def test_a_full_record_survives_the_round_trip() -> None:
    exchange = exchange_from_record(FULL, "log:1")
    assert (exchange.account, exchange.latency_ms, exchange.usage["output_tokens"]) == ("acct_17", 912.0, 180)
    assert exchange_to_record(exchange) == FULL


def test_unknown_fields_survive_the_round_trip() -> None:
    record = {**FULL, "region": "eu", "trace": {"span": 7}}
    exchange = exchange_from_record(record, "log:1")
    assert exchange.extra == {"region": "eu", "trace": {"span": 7}}
    assert exchange_to_record(exchange) == record


def test_the_required_fields_are_enough() -> None:
    exchange = exchange_from_record({name: FULL[name] for name in ("v", *NEEDED)}, "log:1")
    assert (exchange.response, exchange.key, exchange.status, exchange.latency_ms) == (None, None, 200, None)
    assert (dict(exchange.usage), dict(exchange.client), dict(exchange.registration)) == ({}, {}, {})


def test_every_optional_field_may_be_null() -> None:
    record = {name: (FULL[name] if name in ("v", *NEEDED) else None) for name in FULL}
    assert exchange_from_record(record, "x:1") == exchange_from_record({k: FULL[k] for k in ("v", *NEEDED)}, "x:1")


def test_withheld_content_passes() -> None:
    request = {"messages": [{"role": "user", "content": None}], "scaffold": "9c1185a5"}
    assert exchange_from_record({**FULL, "request": request}, "log:1").request == request


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(RecordError, match=f"^log:7: field '{name}' is missing"):
        exchange_from_record({key: value for key, value in FULL.items() if key != name}, "log:7")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("id", 7, "field 'id' is 7; it must be a string"),
        ("id", "", "field 'id' is ''; it must be a string that is not empty$"),
        ("key", ["k"], "field 'key' is .*; it must be a string"),
        ("api", "chat", "field 'api' is 'chat'; it must be one of chat.completions, responses, messages"),
        ("time", "2026-07-24 08:15", "it must be RFC 3339 in UTC"),
        ("time", "2026-07-24T08:15:30+02:00", "it must be RFC 3339 in UTC"),
        ("time", "2026-13-24T08:15:30Z", "it must be RFC 3339 in UTC"),
        (
            "request",
            "Hi",
            "field 'request' is 'Hi'; it must be an object .in Parquet a struct, or the object's JSON as text.$",
        ),
        ("response", [], "it must be an object"),
        ("usage", {"input_tokens": 1.5}, r"field 'usage.input_tokens' is 1.5; it must be an integer"),
        ("status", "200", "field 'status' is '200'; it must be an integer"),
        ("usage", {"output_tokens": -1}, "it must be an integer of 0 or more"),
        ("client", {"ip": 12345}, "field 'client.ip' is 12345; it must be a string"),
        ("client", {"asn": "AS1"}, "field 'client.asn' is 'AS1'; it must be an integer of 0 or more"),
        ("registration", {"created": 1784505600}, "field 'registration.created' is 1784505600; it must be a string"),
        ("registration", {"plan": ["pro"]}, "field 'registration.plan' is .'pro'.; it must be a string"),
        ("status", True, "it must be an integer"),
        ("status", 99999, "field 'status' is 99999; it must be an integer from 0 to 999"),
        ("latency_ms", "fast", "it must be a number"),
        ("latency_ms", math.nan, "field 'latency_ms' is nan; it must be a number of 0 or more"),
        ("latency_ms", -1, "it must be a number of 0 or more"),
        ("client", "x" * 200, r"field 'client' is 'x{56}\.\.\.; it"),
        (
            "v",
            "stillhouse.exchange/9",
            "version .* is 'stillhouse.exchange/9'; this reader knows stillhouse.exchange/1",
        ),
        ("v", None, "field 'v' is missing; give every exchange"),
    ],
)
def test_a_faulty_field_is_named(name: str, value: object, words: str) -> None:
    with pytest.raises(RecordError, match=f"^log:3: .*{words}"):
        exchange_from_record({**FULL, name: value}, "log:3")


@pytest.mark.parametrize("record", [[], "text", 3, None])
def test_what_is_no_object_is_named(record: object) -> None:
    with pytest.raises(RecordError, match="one exchange is a JSON object"):
        exchange_from_record(record, "log:1")


names = st.text(min_size=1, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, json_values, max_size=3)


@given(
    st.builds(
        Exchange,
        id=names,
        time=st.just("2026-07-24T08:15:30Z"),
        account=names,
        model=names,
        api=st.sampled_from(("chat.completions", "embeddings")),
        request=objects,
        response=st.none() | objects,
        organisation=st.none() | names,
        usage=st.dictionaries(names, st.integers(min_value=0), max_size=3),
        client=st.dictionaries(names.map(lambda name: f"x_{name}"), json_values, max_size=3),
        status=st.integers(100, 599),
        latency_ms=st.none() | st.floats(0, 1e6),
        extra=st.dictionaries(names.map(lambda name: f"x_{name}"), json_values, max_size=3),
    )
)
def test_any_exchange_survives_the_round_trip(exchange: Exchange) -> None:
    assert exchange_from_record(exchange_to_record(exchange), "log:1") == exchange
