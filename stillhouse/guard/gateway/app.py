"""The gateway as one ASGI application: admit, ask, relay, record.

Every request ends in exactly one place (`_finish`), whatever became of it: there its limits are settled, it is counted
and it is given to the log. A fault of ours is answered as one in the client's own format and keeps its traceback in our
log; it never reaches the client.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from stillhouse.errors import StorageError
from stillhouse.guard.access.limits import Admission, Limiter
from stillhouse.guard.beside.litellm_guardrail import PATH as GUARDRAIL
from stillhouse.guard.blobs.refusals import BlobRefusal
from stillhouse.guard.gateway.admission import Admitting, may_use
from stillhouse.guard.gateway.asking import ask, refusal_of, stalled
from stillhouse.guard.gateway.body import ClientGone, Receive
from stillhouse.guard.gateway.headers import first
from stillhouse.guard.gateway.metrics import Metrics
from stillhouse.guard.gateway.outcome import Outcome
from stillhouse.guard.gateway.record import access_fields, draft_of
from stillhouse.guard.gateway.relay import relay
from stillhouse.guard.gateway.reply import Reply, Send
from stillhouse.guard.gateway.request import Request, Who
from stillhouse.guard.gateway.runtime import Runtime
from stillhouse.guard.gateway.traces import Traces
from stillhouse.guard.gateway.watch import Connection, Watch
from stillhouse.guard.log.ids import ExchangeIds
from stillhouse.guard.log.writer import ExchangeWriter
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.upstreams.client import UpstreamClient, UpstreamFailure
from stillhouse.guard.upstreams.route import in_order
from stillhouse.guard.wire.errors import error_body
from stillhouse.guard.wire.models import ModelList
from stillhouse.guard.wire.routes import Route, family_of, find_route, methods_of

__all__ = ["Gateway"]

_log = logging.getLogger("stillhouse.guard")
_access = logging.getLogger("stillhouse.guard.access")


class Gateway:
    """One a process. `runtime` is replaced by a reload; `draining` refuses what is new and lets what runs end.

    `beside` is the ASGI application that answers another gateway's questions, where there is one.
    """

    def __init__(
        self,
        runtime: Runtime,
        admitting: Admitting,
        limiter: Limiter,
        writer: ExchangeWriter,
        client: UpstreamClient,
        metrics: Metrics,
        ids: ExchangeIds,
        clock: Callable[[], float],
        random: random.Random,
        traces: Traces | None = None,
        beside: Any = None,
    ) -> None:
        self.runtime = runtime
        self.draining = False
        self.running = 0
        self._admitting = admitting
        self._limiter = limiter
        self._writer = writer
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._ids = ids
        self._traces = traces
        self._settling: set[asyncio.Task[None]] = set()
        self._watches: set[Watch] = set()
        self._beside = beside

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        connection: Connection = scope["stillhouse.connection"]
        reply = Reply(send, connection, bare=scope["method"] == "HEAD")
        path: str = scope["path"]
        if path in ("/healthz", "/readyz"):
            await self._health(path, reply)
            return
        if path == GUARDRAIL and self._beside is not None:
            await self._beside(scope, receive, send)
            return
        now = self._clock()
        request = Request(
            id=self._ids.new(now),
            time=now,
            started=time.perf_counter(),
            method=scope["method"],
            path=path,
            query=scope["query_string"],
            headers=scope["headers"],
            runtime=self.runtime,
        )
        self.running += 1
        try:
            await self._serve(request, scope["client"], receive, reply, connection)
        except ClientGone:
            await self._finish(request, Outcome(status=499, ended="client_gone"))
        except Refusal as refusal:
            await self._refuse(request, refusal, reply)
        except asyncio.CancelledError:
            # The gateway ends and gave this request the time that it had.
            await self._finish(request, Outcome(status=503, ended="broken_off", rule="gateway.draining"))
            raise
        except Exception:
            _log.exception("a fault of the gateway's own, request %s", request.id)
            fault = Refusal("internal", "internal", "The gateway failed at this request; tell its operator the id.")
            await self._refuse(request, fault, reply)
        finally:
            self.running -= 1

    async def _serve(
        self, request: Request, peer: tuple[str, int] | None, receive: Receive, reply: Reply, connection: Connection
    ) -> None:
        request.family = family_of(request.path, first(request.headers, b"anthropic-version") is not None)
        route = find_route(request.method, request.path)
        wire = request.wire = route.wire
        self._check_room(request)
        if self._traces is not None:
            request.span = self._traces.begin(request)
            request.trace = self._traces.headers(request.span)
        who = self._admitting.know(request, peer[0] if peer else "")
        if wire is None:
            await self._tell_models(request, who, route, reply)
            return
        if route.operation == "ask":
            request.upstream_path = route.path
            await self._admitting.admit(request, wire, receive, connection)
        else:
            await self._admitting.admit_stored(request, route)
        request.told += self._own_headers(request)
        with Watch(connection) as watch:
            self._watches.add(watch)
            try:
                if who.action is not None and who.action.action == "slow":
                    await asyncio.sleep(request.runtime.settings.access.slow.delay_seconds)
                upstreams = in_order(request.upstreams, self._random)
                upstream, answer = await ask(request, upstreams, self._client, watch, self._metrics)
                await relay(request, upstream, answer, reply, watch, self._finish, self._metrics)
            except asyncio.CancelledError as error:
                meaning = stalled(watch, error, request.runtime.settings.timeouts.stall)
                raise (refusal_of(meaning) if isinstance(meaning, UpstreamFailure) else meaning) from None
            finally:
                self._watches.discard(watch)

    async def _tell_models(self, request: Request, who: Who, route: Route, reply: Reply) -> None:
        """The models that this account may ask, which no upstream needs to be asked for."""
        names = ModelList(name for name in request.runtime.models if may_use(who, name))
        body = names.page(request.family) if route.id is None else names.entry(request.family, route.id)
        await self._finish(request, Outcome(status=200, ended="complete"))
        await reply.whole(200, [(b"content-type", b"application/json"), *self._own_headers(request)], body)

    def end(self) -> None:
        """The time is over that running requests were given: each is answered that the gateway stops."""
        for watch in tuple(self._watches):
            watch.end("gateway_ends")

    def _check_room(self, request: Request) -> None:
        """Whether the gateway as a whole can take one more."""
        if self.draining:
            raise Refusal("overloaded", "gateway.draining", "This gateway is stopping; ask again.", retry_after=1)
        if self.running > request.runtime.settings.listen.connections:
            raise Refusal("overloaded", "gateway.full", "Too many requests at once here; try later.", retry_after=1)
        if not self._writer.accepting:
            raise Refusal("overloaded", "log.unavailable", "Nothing can be recorded now; try again.", retry_after=5)

    def _own_headers(self, request: Request) -> list[tuple[bytes, bytes]]:
        """What the gateway says of itself in every answer; the request's id by the name that the client reads."""
        name = b"request-id" if request.family == "anthropic" else b"x-request-id"
        headers = [(name, request.id.encode())]
        if request.admission is not None:
            headers += request.admission.headers(request.family)
        return headers

    async def _refuse(self, request: Request, refusal: Refusal, reply: Reply) -> None:
        owner = refusal.owner if isinstance(refusal, BlobRefusal) else None
        outcome = Outcome(status=refusal.status, ended="refused", rule=refusal.rule, blob_owner=owner)
        await self._finish(request, outcome)
        self._metrics.refusal(refusal.rule)()
        if reply.begun:
            # Nothing can be taken back; ending without the last chunk tells the client that the answer is not whole.
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"stillhouse-rule", refusal.rule.encode()),
            *(header for header in request.told if header[0].startswith(b"stillhouse-")),
            *self._own_headers(request),
        ]
        if refusal.retry_after is not None:
            headers.append((b"retry-after", str(math.ceil(refusal.retry_after)).encode()))
        if refusal.kind == "method":
            headers.append((b"allow", ", ".join(methods_of(request.path)).encode()))
        body = error_body(request.family, refusal, request.id)
        await reply.whole(refusal.status, headers, b"" if request.method == "HEAD" else body)

    async def _finish(self, request: Request, outcome: Outcome) -> None:
        """Settle, count, record; the first outcome of a request is its only one.

        What the client can take for complete (`outcome.promised`) is as safe as the log's policy says when this
        returns; StorageError where it cannot be kept. Anything else that cannot be kept is told to the operator.
        """
        if request.finished:
            return
        request.finished = True
        seconds = time.perf_counter() - request.started
        metrics, usage = self._metrics, outcome.usage
        if request.admission is not None and outcome.estimated:
            usage = {"input_tokens": request.admission.input_tokens, **usage}
            outcome = outcome._replace(usage=usage)
        api = request.wire.api if request.wire is not None and request.wire.api else "other"
        model = request.model.name if request.model is not None else "none"
        metrics.request(api, model, outcome.status)()
        metrics.seconds(api)(seconds)
        if usage:
            metrics.tokens(model, "input")(usage.get("input_tokens", 0))
            metrics.tokens(model, "output")(usage.get("output_tokens", 0))
        admission = request.admission
        if admission is not None and outcome.ended == "client_gone" and not usage:
            # Where the client left before anything came, nobody knows what the upstream did: what was reserved counts.
            usage = {"input_tokens": admission.input_tokens, "output_tokens": admission.output_tokens}
            outcome = outcome._replace(usage=usage, estimated=True)
        if request.span is not None and self._traces is not None:
            self._traces.end(request.span, request, outcome, seconds)
        if request.runtime.settings.telemetry.access_log:
            _access.info("request", extra={"fields": access_fields(request, outcome, seconds)})
        try:
            kept = self._keep(request, outcome, seconds)
        finally:
            if admission is not None:
                await self._settle(admission, usage)
        if kept is not None:
            await kept

    def _keep(self, request: Request, outcome: Outcome, seconds: float) -> "asyncio.Future[None] | None":
        """Give the exchange to the log; what is returned is waited for. StorageError where it was promised."""
        draft = draft_of(request, outcome, seconds * 1e3)
        if draft is None:
            return None
        try:
            kept = self._writer.add(draft)
        except StorageError as error:
            if outcome.promised:
                raise
            _log.error("an exchange could not be recorded", extra={"fields": {"id": request.id, "why": str(error)}})
            return None
        return kept if outcome.promised else None

    async def _settle(self, admission: Admission, usage: Mapping[str, int]) -> None:
        """Settle to the end, also where the client leaves meanwhile: a slot must not stay taken for nobody."""
        if self._limiter.counts_here:
            await self._limiter.settle(admission, usage, self._clock())  # never waits, so nothing can come between
            return
        settling = asyncio.ensure_future(self._limiter.settle(admission, usage, self._clock()))
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        await asyncio.shield(settling)

    async def _health(self, path: str, reply: Reply) -> None:
        """`/healthz`: the process runs. `/readyz`: it takes requests."""
        ready = path == "/healthz" or (not self.draining and self._writer.accepting)
        status, text = (200, b"ok\n") if ready else (503, b"not ready\n")
        await reply.whole(status, [(b"content-type", b"text/plain")], text)
