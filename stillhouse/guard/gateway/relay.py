"""Carries an upstream's answer to the client: piece by piece as it comes, or whole where it is one body.

In both ways the exchange is settled and given to the log before the client can take the answer for complete: before the
piece with the format's own last event, before the only piece of a body. With `fsync: always` that means on disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson

from stillhouse.errors import RecordError, StorageError
from stillhouse.guard.gateway.answer_json import for_the_log, json_object
from stillhouse.guard.gateway.asking import refusal_of, stalled
from stillhouse.guard.gateway.estimate import estimated_usage
from stillhouse.guard.gateway.headers import answer_headers
from stillhouse.guard.gateway.metrics import Metrics
from stillhouse.guard.gateway.outcome import Ended, Outcome
from stillhouse.guard.gateway.reply import Reply
from stillhouse.guard.gateway.request import Request
from stillhouse.guard.gateway.watch import Watch
from stillhouse.guard.refusal import Refusal, RefusalKind
from stillhouse.guard.settings import TimeoutSettings
from stillhouse.guard.upstreams.client import Answer, UpstreamFailure
from stillhouse.guard.upstreams.upstream import Upstream
from stillhouse.guard.wire.base import Assembled, Assembler
from stillhouse.guard.wire.sse import END_BYTES, EditedStream, ends_event

__all__ = ["Finish", "relay"]

Finish = Callable[[Request, Outcome], Awaitable[None]]

_LONGEST_BODY = 256 << 20
_REFUSING: dict[int, RefusalKind] = {400: "invalid_request", 404: "not_found", 413: "too_large", 422: "invalid_request"}


async def relay(
    request: Request, upstream: Upstream, answer: Answer, reply: Reply, watch: Watch, finish: Finish, metrics: Metrics
) -> None:
    """Send the answer on. Raises Refusal where nothing has gone out yet, ClientGone where nobody is there any more."""
    streamed = answer.status < 300 and answer.status != 204 and answer.content_type == "text/event-stream"
    try:
        broken = await (_relay_stream if streamed else _relay_body)(
            request, upstream.name, answer, reply, watch, finish
        )
    finally:
        answer.close()
    if broken is not None:
        upstream.failed()
        metrics.upstream_failure(upstream.name, broken.kind)()
        if not reply.begun:
            raise refusal_of(broken)
    elif answer.status < 500:
        upstream.succeeded()


async def _relay_stream(
    request: Request, upstream: str, answer: Answer, reply: Reply, watch: Watch, finish: Finish
) -> UpstreamFailure | None:
    """What the upstream failed at, None where the answer came whole."""
    wire = request.wire
    assert wire is not None
    assembler = wire.assembler()
    edited = EditedStream(request.edits) if request.edits else None
    seconds = request.runtime.settings.timeouts.stall
    size = 0
    tail = b""
    recorded = said = False
    broken: UpstreamFailure | None = None
    try:
        watch.idle()
        await reply.begin(answer.status, answer_headers(answer.headers) + request.told)
        watch.reading(request.runtime.settings.timeouts.first_byte)
        while chunk := await answer.read():
            size += len(chunk)
            _check_size(size)
            piece = chunk if edited is None else edited.feed(chunk)
            assembler.feed(piece)
            watch.idle()
            if assembler.complete and not recorded:
                recorded = True
                await finish(request, _streamed(assembler.result(), reply.status, upstream))
            await reply.write(piece)
            tail = piece if len(piece) >= END_BYTES else (tail + piece)[-END_BYTES:]
            said = recorded
            watch.reading(seconds)
        rest = b"" if edited is None else edited.close()
        if rest:
            assembler.feed(rest)
        if not recorded:
            result = assembler.result()
            if not result.complete:
                raise UpstreamFailure("truncated", "the stream ended without the format's own end")
            recorded = True
            watch.idle()
            await finish(request, _streamed(result, reply.status, upstream))
        watch.idle()
        await reply.end(rest)
        return None
    except UpstreamFailure as failure:
        broken = failure
        fault = refusal_of(failure)
    except Refusal as refusal:
        fault = refusal
    except (StorageError, RecordError):
        fault = Refusal(
            "internal", "log.unavailable", "The answer could not be recorded and is not complete; try again."
        )
    except asyncio.CancelledError as error:
        meaning = stalled(watch, error, seconds)
        if isinstance(meaning, UpstreamFailure):
            broken, fault = meaning, refusal_of(meaning)
        elif isinstance(meaning, Refusal):
            fault = meaning
        else:
            await finish(request, _broken(assembler, upstream, "client_gone", 499, None))
            raise meaning from None
    watch.idle()
    if said:
        # The client has the whole answer; what the upstream did after it is nobody's concern.
        await reply.end()
        return None
    await finish(request, _broken(assembler, upstream, "broken_off", fault.status, fault.rule))
    if tail and not ends_event(tail):
        # Behind half an event nothing can be said that a client would read as something of its own.
        reply.cut()
        return broken
    await reply.write(wire.error_event(fault, request.id))
    await reply.end()
    return broken


async def _relay_body(
    request: Request, upstream: str, answer: Answer, reply: Reply, watch: Watch, finish: Finish
) -> UpstreamFailure | None:
    """What the upstream failed at before anything went out, None where the answer came whole."""
    wire = request.wire
    assert wire is not None
    try:
        body = await _whole(answer, watch, request.runtime.settings.timeouts)
    except UpstreamFailure as failure:
        return failure
    if answer.status == 401:
        # The upstream does not know our key. To the client it would look as if we did not know its own.
        raise Refusal("upstream", "upstream.credentials", "The model's server refused this gateway's credentials.")
    value = json_object(body)
    if value is None and (body or answer.status >= 400 or request.method != "DELETE"):
        if answer.status in (429, 503, 529):
            raise Refusal("overloaded", "upstream.overloaded", "The model's server is overloaded; try again later.")
        if answer.status in _REFUSING:
            message = f"The model's server refused this request with status {answer.status}, and not in JSON."
            raise Refusal(_REFUSING[answer.status], "upstream.refused", message)
        message = f"The model's server answered something that is no JSON object, with status {answer.status}."
        raise Refusal("upstream", "upstream.malformed", message)
    usage: Mapping[str, int] = {}
    if answer.status < 400 and value is not None:
        usage = wire.usage(value)
        if request.edits:
            changed = [edit.edit_body(value) for edit in request.edits]
            if any(changed):
                body = orjson.dumps(value)
    served = answer.status < 400
    outcome = Outcome(
        status=answer.status,
        ended="complete" if served else "upstream_error",
        response=for_the_log(body, value) if served and value is not None else None,
        usage=usage or (estimated_usage(value) if served and wire.api is not None else {}),
        estimated=served and not usage and wire.api is not None,
        upstream=upstream,
    )
    watch.idle()
    try:
        await finish(request, outcome)
    except (StorageError, RecordError):
        raise Refusal("overloaded", "log.unavailable", "The answer could not be recorded; try again.") from None
    await reply.whole(answer.status, answer_headers(answer.headers) + request.told, body)
    return None


async def _whole(answer: Answer, watch: Watch, timeouts: TimeoutSettings) -> bytes:
    parts, size = [], 0
    watch.reading(timeouts.first_byte)
    try:
        while chunk := await answer.read():
            parts.append(chunk)
            size += len(chunk)
            _check_size(size)
            if answer.ended:
                break
            watch.reading(timeouts.stall)
    except asyncio.CancelledError as error:
        raise stalled(watch, error, timeouts.stall) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_size(size: int) -> None:
    if size > _LONGEST_BODY:
        raise Refusal("upstream", "upstream.too_large", "The model's server answered more than can be relayed.")


def _streamed(result: Assembled, status: int, upstream: str) -> Outcome:
    usage = result.usage or estimated_usage(result.body)
    return Outcome(
        status=status,
        ended="complete" if result.error is None else "upstream_error",
        response=result.body,
        usage=usage,
        estimated=not result.usage,
        upstream=upstream,
    )


def _broken(assembler: Assembler, upstream: str, ended: Ended, status: int, rule: str | None) -> Outcome:
    """What had come of an answer that did not end well; its tokens count all the same, where anything had come."""
    result = assembler.result()
    estimated = {} if result.usage else estimated_usage(result.body)
    told = any(estimated.values())
    return Outcome(
        status=status,
        ended=ended,
        response=result.body,
        usage=estimated if told else result.usage,
        estimated=told,
        rule=rule,
        upstream=upstream,
    )
