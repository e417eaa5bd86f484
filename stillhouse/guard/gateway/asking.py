"""Asks the upstreams of a model until one answers.

Once an answer's first byte has gone to the client there is no second try. Before that, another upstream is asked where
one cannot be reached, breaks off, or says itself that it cannot (429 and the 5xx of overload); an upstream that breaks
an old connection is asked once more on a new one, since servers close idle connections at any moment.
"""

import asyncio
from collections.abc import Sequence

from stillhouse.guard.gateway.body import ClientGone
from stillhouse.guard.gateway.headers import upstream_headers
from stillhouse.guard.gateway.metrics import Metrics
from stillhouse.guard.gateway.request import Request
from stillhouse.guard.gateway.watch import Watch
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.upstreams.client import Answer, UpstreamClient, UpstreamFailure
from stillhouse.guard.upstreams.upstream import Upstream

__all__ = ["ask", "refusal_of", "stalled"]

_UNABLE = frozenset({500, 502, 503, 504, 529})
_TRY_NEXT = _UNABLE | {429}
# Which upstream keeps a response is not known: one that has none of that id is no answer.
_TRY_NEXT_STORED = _TRY_NEXT | {404}


async def ask(
    request: Request, upstreams: Sequence[Upstream], client: UpstreamClient, watch: Watch, metrics: Metrics
) -> tuple[Upstream, Answer]:
    """The first answer that need not be tried elsewhere, or the last one. Raises Refusal where none answers at all."""
    last: UpstreamFailure | None = None
    attempts = [*upstreams]
    again = True
    while attempts:
        upstream = attempts.pop(0)
        try:
            answer = await _ask_one(request, upstream, client, watch, metrics)
        except UpstreamFailure as failure:
            last = failure
            metrics.upstream_failure(upstream.name, failure.kind)()
            if failure.kind == "reset" and again:
                again = False
                attempts.insert(0, upstream)
            else:
                upstream.failed()
            continue
        if answer.status in _UNABLE:
            upstream.failed()
            metrics.upstream_failure(upstream.name, "status")()
        if answer.status in (_TRY_NEXT if request.model is not None else _TRY_NEXT_STORED) and attempts:
            answer.close()
            continue
        return upstream, answer
    assert last is not None
    raise refusal_of(last)


async def _ask_one(
    request: Request, upstream: Upstream, client: UpstreamClient, watch: Watch, metrics: Metrics
) -> Answer:
    url = upstream.url(request.upstream_path)
    if request.query:
        url += "?" + request.query.decode("latin-1")
    own = upstream.headers if request.trace is None else {**upstream.headers, **request.trace}
    headers = upstream_headers(request.headers, own, request.id)
    timeouts = request.runtime.settings.timeouts
    begun = watch.now()
    watch.reading(timeouts.first_byte)
    try:
        answer = await client.ask(request.method, url, headers, request.forward)
    except asyncio.CancelledError as error:
        raise stalled(watch, error, timeouts.first_byte) from None
    if not 200 <= answer.status <= 599:
        answer.close()
        raise UpstreamFailure("malformed", f"status {answer.status}")
    metrics.first_byte(upstream.name)(watch.now() - begun)
    return answer


def stalled(watch: Watch, error: asyncio.CancelledError, seconds: float) -> BaseException:
    """What a cancelling means while an upstream is waited for: its time is over, the client has gone, or our end."""
    why = watch.taken(error)
    if why == "upstream_stalled":
        return UpstreamFailure("timeout", f"nothing in {seconds:g} s")
    if why == "gateway_ends":
        return Refusal("overloaded", "gateway.draining", "This gateway is stopping; ask again.", retry_after=1)
    return error if why is None else ClientGone()


def refusal_of(failure: UpstreamFailure) -> Refusal:
    """What the client is told of a failure that no other upstream could make good."""
    if failure.kind == "timeout":
        return Refusal("timeout", "upstream.timeout", "The model's server did not answer in time; try again later.")
    if failure.kind == "connect":
        return Refusal(
            "overloaded",
            "upstream.unreachable",
            "The model's server cannot be reached; try again later.",
            retry_after=5,
        )
    return Refusal("upstream", f"upstream.{failure.kind}", "The model's server broke off its answer; try again.")
