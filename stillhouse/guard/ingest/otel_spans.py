"""Spans in every JSON that exporters write, as one shape.

OTLP/JSON nests spans below resources and scopes and spells each value with its type; console and file exporters write
one flat object a span. Both are read, so that no collector has to be set up anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Span", "spans_of"]


@dataclass(frozen=True, slots=True)
class Span:
    """`attributes` are the span's and those of its events; `resource` those of the resource. Times are as written."""

    trace: Any
    span: Any
    start: Any
    end: Any
    failed: bool
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    written: Mapping[str, Any]


def spans_of(value: Mapping[str, Any]) -> Iterator[Span] | None:
    """The spans of one JSON object; None where it holds something else (metrics, logs)."""
    resources = value.get("resourceSpans", value.get("resource_spans"))
    if isinstance(resources, list):
        return _nested(resources)
    if any(name in value for name in ("spanId", "span_id", "context")):
        return iter([_span(value, _attributes(_under(value, "resource").get("attributes")))])
    return None


def _nested(resources: list[Any]) -> Iterator[Span]:
    for resource in resources:
        shared = _attributes(_under(resource, "resource").get("attributes"))
        for scope in _list(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            for span in _list(scope, "spans"):
                yield _span(span if isinstance(span, Mapping) else {}, shared)


def _span(span: Mapping[str, Any], resource: Mapping[str, Any]) -> Span:
    context, status = _under(span, "context"), _under(span, "status")
    attributes: dict[str, Any] = {}
    for event in _list(span, "events"):
        if isinstance(event, Mapping):
            attributes |= _attributes(event.get("attributes"))
    attributes |= _attributes(span.get("attributes"))
    return Span(
        trace=_first(span, "traceId", "trace_id") or context.get("trace_id"),
        span=_first(span, "spanId", "span_id") or context.get("span_id"),
        start=_first(span, "startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime"),
        end=_first(span, "endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime"),
        failed=_first(status, "code", "status_code") in (2, "2", "STATUS_CODE_ERROR", "ERROR"),
        attributes=attributes,
        resource=resource,
        written=span,
    )


def _attributes(written: Any) -> dict[str, Any]:
    """A mapping as it is, or OTLP's list of keys and typed values."""
    if isinstance(written, Mapping):
        return dict(written)
    if not isinstance(written, list):
        return {}
    return {
        one["key"]: _value(one.get("value"))
        for one in written
        if isinstance(one, Mapping) and isinstance(one.get("key"), str)
    }


def _value(typed: Any) -> Any:
    if not isinstance(typed, Mapping) or not typed:
        return None
    kind, value = next(iter(typed.items()))
    if kind in ("intValue", "int_value"):
        # 64-bit integers are text in JSON of protobuf; some exporters write numbers.
        is_text = isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdecimal()
        return int(value) if is_text and len(value) <= 20 else value
    if kind in ("arrayValue", "array_value"):
        return [_value(one) for one in _list(value, "values")]
    if kind in ("kvlistValue", "kvlist_value"):
        return _attributes(_list(value, "values"))
    return value


def _first(value: Mapping[str, Any], *names: str) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _under(value: Any, name: str) -> Mapping[str, Any]:
    below = value.get(name) if isinstance(value, Mapping) else None
    return below if isinstance(below, Mapping) else {}


def _list(value: Any, *names: str) -> list[Any]:
    found = _first(value, *names) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []
