"""The shapes in which exporters write spans, and the types that OTLP spells out."""

from typing import Any

import pytest

from stillhouse.guard.ingest.otel_spans import Span, spans_of


def only(value: dict[str, Any]) -> Span:
    spans = spans_of(value)
    assert spans is not None
    (span,) = spans
    return span


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ({"stringValue": "a"}, "a"),
        ({"boolValue": False}, False),
        ({"intValue": "31"}, 31),
        ({"intValue": "-31"}, -31),
        ({"intValue": 31}, 31),
        ({"intValue": "many"}, "many"),
        ({"intValue": "9" * 5000}, "9" * 5000),
        ({"doubleValue": 0.5}, 0.5),
        ({"bytesValue": "AAA="}, "AAA="),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}}, [1, "b"]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}}, {"a": 1}),
        ({"int_value": "31"}, 31),
        ({}, None),
        ("a", None),
    ],
)
def test_typed_values(typed: Any, value: Any) -> None:
    span = {"spanId": "b", "traceId": "a", "attributes": [{"key": "k", "value": typed}]}
    assert only({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).attributes == {"k": value}


@pytest.mark.parametrize(
    "value",
    [
        {"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": [{"traceId": "a", "spanId": "b"}]}]}]},
        {"resource_spans": [{"scope_spans": [{"spans": [{"trace_id": "a", "span_id": "b"}]}]}]},
        {"traceId": "a", "spanId": "b"},
        {"trace_id": "a", "span_id": "b"},
        {"context": {"trace_id": "a", "span_id": "b"}},
    ],
)
def test_every_shape(value: dict[str, Any]) -> None:
    span = only(value)
    assert (span.trace, span.span, span.failed, span.attributes) == ("a", "b", False, {})


def test_attributes_of_the_span_come_before_those_of_its_events() -> None:
    span = only({"spanId": "b", "attributes": {"k": 1}, "events": [{"attributes": {"k": 2, "m": 3}}, "x"]})
    assert span.attributes == {"k": 1, "m": 3}


@pytest.mark.parametrize("value", [{}, {"resourceMetrics": []}, {"resourceSpans": "x"}, {"name": "chat"}])
def test_what_holds_no_spans(value: dict[str, Any]) -> None:
    assert spans_of(value) is None
