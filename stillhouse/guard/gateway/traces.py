"""Spans of requests, in OpenTelemetry's names for generative models.

OpenTelemetry's libraries are imported only where traces are wanted; without them a request pays one comparison. The
names are those of the semantic conventions for generative AI. Content is never put into a span: the log has it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stillhouse.guard.gateway.headers import first
from stillhouse.guard.gateway.outcome import Outcome
from stillhouse.guard.gateway.request import Request
from stillhouse.guard.settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["Traces"]

_OPERATIONS = {
    "chat.completions": "chat",
    "responses": "chat",
    "messages": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}


class Traces:
    """Begins and ends the span of each sampled request, and sends them in batches from a thread of its own."""

    def __init__(self, settings: TelemetrySettings, version: str) -> None:
        assert settings.traces is not None
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "stillhouse-guard", "service.version": version}),
            sampler=ParentBased(TraceIdRatioBased(settings.trace_share)),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces)))
        self._tracer = self._provider.get_tracer("stillhouse.guard", version)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, request: Request) -> "Span":
        """The request's span, a child of the client's where it sent `traceparent`."""
        from opentelemetry.trace import SpanKind

        carrier = {}
        for name in ("traceparent", "tracestate"):
            value = first(request.headers, name.encode())
            if value is not None:
                carrier[name] = value.decode("latin-1")
        parent = self._propagator.extract(carrier)
        start = round(request.time * 1e9)
        return self._tracer.start_span(f"{request.method}", parent, SpanKind.SERVER, start_time=start)

    def headers(self, span: "Span") -> Mapping[str, str]:
        """What makes the upstream's spans children of this one."""
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        return carrier

    def end(self, span: "Span", request: Request, outcome: Outcome, seconds: float) -> None:
        if span.is_recording():
            api = request.wire.api if request.wire is not None else None
            operation = _OPERATIONS.get(api or "", "other")
            model = request.model.name if request.model is not None else None
            span.update_name(f"{operation} {model}" if model else operation)
            for name, value in _attributes(request, outcome, operation, model).items():
                if value is not None:
                    span.set_attribute(name, value)
        span.end(round((request.time + seconds) * 1e9))

    def close(self) -> None:
        """Send what waits. Blocks for as long as the exporter allows: call it from a thread."""
        self._provider.shutdown()


def _attributes(request: Request, outcome: Outcome, operation: str, model: str | None) -> dict[str, Any]:
    usage, who, asked = outcome.usage, request.who, request.asked
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": model,
        "gen_ai.request.stream": asked.stream if asked is not None else None,
        "gen_ai.request.max_tokens": asked.output_tokens if asked is not None else None,
        "gen_ai.request.choice.count": asked.choices if asked is not None and asked.choices != 1 else None,
        "gen_ai.usage.input_tokens": usage.get("input_tokens"),
        "gen_ai.usage.output_tokens": usage.get("output_tokens"),
        "gen_ai.usage.cache_read.input_tokens": usage.get("cached_input_tokens"),
        "gen_ai.usage.reasoning.output_tokens": usage.get("reasoning_tokens"),
        "http.request.method": request.method,
        "http.response.status_code": outcome.status,
        "url.path": request.path,
        "error.type": outcome.rule or (outcome.ended if outcome.ended != "complete" else None),
        "stillhouse.request.id": request.id,
        "stillhouse.account": who.account.id if who is not None else None,
        "stillhouse.organisation": who.organisation.id if who is not None else None,
        "stillhouse.upstream": outcome.upstream,
    }
