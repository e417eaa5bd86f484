"""GenAI spans, nested and flat, with words and without, among spans of other things."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from stillhouse.guard.ingest.otel import read
from stillhouse.guard.ingest.outcome import Fault, PassedOver
from stillhouse.guard.ingest.rows import read_rows
from stillhouse.types import Exchange
from tests.guard.ingest.samples import (
    attributes,
    flat_span,
    one_exchange,
    one_fault,
    one_passed_over,
    otlp,
    otlp_span,
    rows,
)

REQUEST = {
    "model": "stub",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Cork?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "sky", "arguments": '{"city":"Cork"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"sky":"grey"}'},
    ],
    "temperature": 0.3,
    "n": 1,
}
RESPONSE = {
    "id": "chatcmpl-77",
    "model": "stub-2026",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Rain.", "reasoning_content": "Grey means rain."},
            "finish_reason": "stop",
        }
    ],
}


def exchange(value: Any, **changes: str) -> Exchange:
    return one_exchange(read(rows(value), changes))


def test_a_span_of_otlp() -> None:
    assert exchange(otlp(otlp_span(attributes()))) == Exchange(
        id="4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001",
        time="2026-07-24T08:15:30.125Z",
        account="acct_17",
        model="stub",
        api="chat.completions",
        request=REQUEST,
        response=RESPONSE,
        usage={"input_tokens": 31, "output_tokens": 12, "reasoning_tokens": 5, "cached_input_tokens": 16},
        client={"ip": "198.51.100.7"},
        status=200,
        latency_ms=912.25,
        extra={"source": "otel", "session": "conv_1"},
    )


def test_a_flat_span_says_the_same() -> None:
    found = exchange(flat_span(attributes()))
    nested = exchange(otlp(otlp_span(attributes())))
    assert found.id == "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
    assert (found.request, found.response, found.usage, found.time) == (
        nested.request,
        nested.response,
        nested.usage,
        nested.time,
    )
    assert found.latency_ms == 912.0


def test_what_the_sdk_itself_writes_is_read(tmp_path: Path) -> None:
    written = io.StringIO()
    provider = TracerProvider(resource=Resource.create({"user.id": "acct_r"}))
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=written)))
    tracer = provider.get_tracer("t")
    given_to_sdk = {name: value for name, value in attributes().items() if name != "enduser.id"}
    for _ in range(2):
        with tracer.start_as_current_span("chat stub", attributes=given_to_sdk):
            pass
    provider.shutdown()
    path = tmp_path / "spans.json"
    path.write_text(written.getvalue(), encoding="utf-8")
    assert written.getvalue().count("\n") > 50  # the exporter spreads each span over lines
    first, second = read(read_rows(path), {})
    assert isinstance(first, Exchange) and isinstance(second, Exchange)
    assert first.account == "acct_r" and first.request == REQUEST and first.response == RESPONSE
    assert first.id != second.id


def test_what_protobuf_makes_of_a_span_is_read() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"user.id": "acct_r"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("chat stub", attributes=attributes()):
        pass
    provider.shutdown()
    written = MessageToDict(encode_spans(exporter.get_finished_spans()))
    assert written["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["startTimeUnixNano"].isdecimal()
    found = exchange(written)
    assert (found.request, found.response) == (REQUEST, RESPONSE)
    assert (found.account, found.usage["input_tokens"]) == ("acct_17", 31)


def test_words_may_be_values_of_their_own() -> None:
    opened = {
        name: json.loads(value) if name.endswith(("messages", "instructions")) else value
        for name, value in attributes().items()
    }
    assert exchange(otlp(otlp_span(opened))).request == REQUEST
    assert exchange(flat_span(opened)).response == RESPONSE


def test_words_may_stand_on_an_event_of_the_span() -> None:
    words = {name: value for name, value in attributes().items() if name.endswith(("messages", "instructions"))}
    rest = {name: value for name, value in attributes().items() if name not in words}
    event = {"name": "gen_ai.client.inference.operation.details", "attributes": words}
    assert exchange(flat_span(rest, events=[event])).request == REQUEST


def test_without_words_they_are_withheld() -> None:
    bare = {name: value for name, value in attributes().items() if not name.endswith(("messages", "instructions"))}
    found = exchange(otlp(otlp_span(bare)))
    assert found.request == {
        "model": "stub",
        "messages": [{"role": "user", "content": None}],
        "temperature": 0.3,
        "n": 1,
    }
    assert found.response == {
        "id": "chatcmpl-77",
        "model": "stub-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "stop"}],
    }


def test_accounts_come_from_the_span_then_the_resource_or_where_the_user_says() -> None:
    named = {name: value for name, value in attributes().items() if name != "enduser.id"}
    span = otlp_span({**named, "acme.tenant": 17})
    assert exchange(otlp(span, resource={"user.id": "acct_r"})).account == "acct_r"
    assert exchange(otlp(span), account="acme.tenant").account == "17"
    assert one_fault(read(rows(otlp(span)), {})).startswith("log:1: no account (looked for enduser.id or user.id or ")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"http__response__status_code": 429, "error__type": "rate_limit"}, 429),
        ({"error__type": "503"}, 503),
        ({"error__type": "timeout"}, 500),
        ({"http__response__status_code": "200"}, 200),
    ],
)
def test_status(changes: dict[str, Any], status: int) -> None:
    found = exchange(otlp(otlp_span(attributes(**changes))))
    assert found.status == status and (found.response is None) == (status >= 400)


@pytest.mark.parametrize("status", [{"code": 2}, {"code": "STATUS_CODE_ERROR"}, {"status_code": "ERROR"}])
def test_a_span_that_failed_is_an_error(status: dict[str, Any]) -> None:
    assert exchange(otlp(otlp_span(attributes(), status=status))).status == 500


def test_earlier_names_are_read_too() -> None:
    named = attributes()
    for name in ("gen_ai.operation.name", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        del named[name]
    named |= {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 31, "gen_ai.usage.completion_tokens": 12}
    found = exchange(otlp(otlp_span(named)))
    assert found.api == "chat.completions" and found.usage["input_tokens"] == 31 and found.usage["output_tokens"] == 12


def test_completions_and_embeddings() -> None:
    words = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "7x8 is"}]}])
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": " 56"}]}])
    named = attributes(gen_ai__operation__name="text_completion")
    named |= {"gen_ai.input.messages": words, "gen_ai.output.messages": said, "gen_ai.system_instructions": ""}
    found = exchange(otlp(otlp_span(named)))
    assert (found.api, found.request["prompt"]) == ("completions", "7x8 is")
    assert found.response is not None and found.response["choices"][0]["text"] == " 56"
    found = exchange(otlp(otlp_span({**named, "gen_ai.operation.name": "embeddings"})))
    assert (found.api, found.request["input"]) == ("embeddings", "7x8 is")
    assert found.response is not None and found.response["data"] == [{"index": 0, "embedding": None}]


def test_tools_and_limits_are_part_of_the_request() -> None:
    tool = {"type": "function", "name": "sky", "description": "d", "parameters": {"type": "object"}}
    named = attributes(gen_ai__tool__definitions=json.dumps([tool, {"type": "web_search"}]))
    named |= {"gen_ai.request.stop_sequences": ["a"], "gen_ai.request.stream": True, "gen_ai.request.max_tokens": 9}
    request = exchange(otlp(otlp_span(named))).request
    assert request["tools"] == [
        {"type": "function", "function": {"name": "sky", "description": "d", "parameters": {"type": "object"}}},
        {"type": "web_search"},
    ]
    assert (request["stop"], request["stream"], request["max_tokens"]) == (["a"], True, 9)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (otlp(otlp_span({"http.request.method": "GET"})), "a span that is no model call"),
        (otlp(otlp_span(attributes(gen_ai__operation__name="execute_tool"))), "operation execute_tool"),
        (otlp(otlp_span(attributes(gen_ai__operation__name=7))), "operation 7"),
        ({"resourceLogs": []}, "a line without spans"),
        ({"resourceMetrics": []}, "a line without spans"),
        (["a"], "a line without spans"),
    ],
)
def test_other_things_are_passed_over(value: Any, reason: str) -> None:
    assert one_passed_over(read(rows(value), {})) == reason


@pytest.mark.parametrize(
    ("span", "line"),
    [
        (otlp_span(attributes(), startTimeUnixNano="0"), "the span's start time is '0'; it must be ns"),
        (otlp_span(attributes(), startTimeUnixNano="9" * 5000), "the span's start time is '9999"),
        (otlp_span(attributes(), spanId=""), "the span has no trace id and span id"),
        (otlp_span(attributes(gen_ai__input__messages="{")), "not JSON ("),
        (otlp_span(attributes(gen_ai__input__messages='{"role": "user"}')), "gen_ai.input.messages is no list"),
        (otlp_span(attributes(gen_ai__input__messages='[{"parts": []}]')), "a message is an object with a role"),
        (otlp_span(attributes(gen_ai__usage__input_tokens="many")), "field 'gen_ai.usage.input_tokens' is 'many'"),
    ],
)
def test_one_bad_span_costs_only_itself(span: dict[str, Any], line: str) -> None:
    bad, good = read(rows(otlp(span, otlp_span(attributes(), 2))), {})
    assert isinstance(bad, Fault) and bad.reason.startswith(line) and json.loads(bad.line)["name"] == "chat stub"
    assert isinstance(good, Exchange)


def test_an_end_that_is_no_time_leaves_the_latency_unknown() -> None:
    for end in ("9" * 5000, "x", None, "1784880930000000000"):
        assert exchange(otlp(otlp_span(attributes(), endTimeUnixNano=end))).latency_ms is None


def test_broken_otlp_is_passed_over_or_a_fault_and_never_more() -> None:
    for value in (
        {"resourceSpans": ["x", {"scopeSpans": ["x", {"spans": ["x", {}]}]}]},
        {"spanId": 1},
        {"context": "x"},
    ):
        assert {type(found) for found in read(rows(value), {})} <= {PassedOver, Fault}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(st.sampled_from(["role", "parts", "type", "content", "id", "stringValue"]), below)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.sampled_from(sorted(attributes())), JSON, st.booleans())
def test_whatever_stands_in_an_attribute_it_is_an_exchange_or_told(name: str, value: Any, as_text: bool) -> None:
    named = {**attributes(), name: json.dumps(value) if as_text else value}
    (found,) = read(rows(flat_span(named)), {})
    if isinstance(found, Exchange):
        assert one_exchange(iter([found])).id
    else:
        assert found.reason
