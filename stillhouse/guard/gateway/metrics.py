"""What operators watch, in Prometheus' form.

No metric has a label that a client can choose: names of models and upstreams come from guard.yaml, rules from the
code. Children of labelled metrics are kept, since looking one up costs more than counting.
"""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stillhouse.guard.gateway.histogram import Histogram
from stillhouse.guard.live.status import STATES, Status

__all__ = ["Metrics", "metrics_route"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_DETECTION = {
    "lag_seconds": "from the newest exchange on disk back to the newest that was decided about",
    "lag_exchanges": "exchanges that were read and not decided about",
    "unread_bytes": "of the exchange log",
    "exchanges": "exchanges read, since the process began",
    "late": "exchanges that count later than their own time",
    "rejected": "lines that are no exchange, and exchanges whose clock was wrong",
    "decisions": "decisions on record",
    "drift_accounts": "accounts that were left alone, when drift was last looked at",
    "drift_low": "of these, accounts that are as odd as a tenth of the reference's",
    "drift_p": "probability of so many or more, if they are like those of the reference",
    "drift_alarm": "1 where that is below 1 in 1,000",
}


class Metrics:
    """All of a gateway's metrics, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "stillhouse_requests", "requests that ended", ("api", "model", "status"), registry=registry
        )
        self._refusals = Counter("stillhouse_refusals", "requests refused, by rule", ("rule",), registry=registry)
        self._seconds = Histogram(
            "stillhouse_request_seconds", "from request to end of answer", "api", _SECONDS, registry
        )
        self._first_byte = Histogram(
            "stillhouse_first_byte_seconds",
            "from asking an upstream to its answer's headers",
            "upstream",
            _SECONDS,
            registry,
        )
        self._tokens = Counter("stillhouse_tokens", "tokens served", ("model", "kind"), registry=registry)
        self._upstream_failures = Counter(
            "stillhouse_upstream_failures", "attempts that failed", ("upstream", "kind"), registry=registry
        )
        self.running = Gauge("stillhouse_running_requests", "requests being served", registry=registry)
        self.log_waiting_bytes = Gauge("stillhouse_log_waiting_bytes", "exchanges not on disk yet", registry=registry)
        self.log_lost = Gauge("stillhouse_log_lost", "exchanges that could not be kept", registry=registry)
        self.blobs_passed = Gauge(
            "stillhouse_blobs_passed",
            "blobs let through out of place, since the config was read",
            ("why",),
            registry=registry,
        )
        self.directory_age = Gauge(
            "stillhouse_directory_age_seconds", "since accounts and decisions were last read", registry=registry
        )
        self.upstream_resting = Gauge(
            "stillhouse_upstream_resting", "1 while an upstream is left alone", ("upstream",), registry=registry
        )
        self.counters_alone = Gauge(
            "stillhouse_counters_alone", "1 while limits are counted by this gateway alone", registry=registry
        )
        self._detection_state = Gauge(
            "stillhouse_detection_state", "1 for the state that detection is in", ("state",), registry=registry
        )
        self._detection = {
            name: Gauge(f"stillhouse_detection_{name}", text, registry=registry) for name, text in _DETECTION.items()
        }
        self._detection_absent = Gauge(
            "stillhouse_detection_absent", "1 for a field that is needed and absent", ("field",), registry=registry
        )
        self.detection_starts = Gauge(
            "stillhouse_detection_starts", "how often the detector's process was started", registry=registry
        )
        self.request = cache(lambda api, model, status: self._requests.labels(api, model, str(status)).inc)
        self.refusal = cache(lambda rule: self._refusals.labels(rule).inc)
        self.seconds = cache(self._seconds.of)
        self.first_byte = cache(self._first_byte.of)
        self.tokens = cache(lambda model, kind: self._tokens.labels(model, kind).inc)
        self.upstream_failure = cache(lambda upstream, kind: self._upstream_failures.labels(upstream, kind).inc)

    def detection(self, status: Status) -> None:
        """How detection is now."""
        for state in STATES:
            self._detection_state.labels(state).set(state == status.state)
        record = status.as_record()
        for name, gauge in self._detection.items():
            gauge.set(record[name])
        self._detection_absent.clear()
        for name in status.absent:
            self._detection_absent.labels(name).set(1)

    def page(self) -> bytes:
        """The text that a scraper reads."""
        return generate_latest(self.registry)


def metrics_route(page: Callable[[], bytes]) -> Route:
    """`GET /metrics` for a scraper, to be served behind the door of the administration."""

    async def metrics(_request: Request) -> Response:
        return Response(page(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)
