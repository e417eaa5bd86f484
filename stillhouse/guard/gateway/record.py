"""What the log keeps of a request that ended: the facts of FORMATS section 1, taken together in one place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stillhouse.guard.gateway.outcome import Outcome
from stillhouse.guard.gateway.request import Request
from stillhouse.guard.log.draft import Draft
from stillhouse.types import Exchange

__all__ = ["access_fields", "draft_of", "draft_of_exchange"]


def draft_of(request: Request, outcome: Outcome, latency_ms: float) -> Draft | None:
    """None where there is no exchange: nobody known asked, or nothing that a model answers."""
    who, wire, client = request.who, request.wire, request.client
    if who is None or wire is None or wire.api is None or client is None or request.sent is None:
        return None
    extra: dict[str, Any] = {}
    if outcome.ended != "complete":
        extra["ended"] = outcome.ended
    if outcome.rule is not None:
        extra["rule"] = outcome.rule
    if outcome.estimated:
        extra["usage_estimated"] = True
    if outcome.upstream is not None:
        extra["upstream"] = outcome.upstream
    if outcome.blob_owner is not None:
        extra["blob_owner"] = outcome.blob_owner
    if who.action is not None:
        extra["action"] = who.action.action
    return Draft(
        id=request.id,
        time=request.time,
        account=who.account.id,
        organisation=who.organisation.id,
        key=who.key.id,
        model=request.model.name if request.model is not None else "unknown",
        api=wire.api,
        request=request.sent,
        response=outcome.response,
        usage=outcome.usage,
        client=_client(request),
        registration=_registration(request),
        status=outcome.status,
        latency_ms=round(latency_ms, 3),
        extra=extra,
    )


def draft_of_exchange(exchange: Exchange) -> Draft:
    """What another gateway told of a request, for the same log."""
    return Draft(
        id=exchange.id,
        time=datetime.fromisoformat(exchange.time).timestamp(),
        account=exchange.account,
        organisation=exchange.organisation,
        key=exchange.key,
        model=exchange.model,
        api=exchange.api,
        request=exchange.request,
        response=exchange.response,
        usage=exchange.usage,
        client=exchange.client,
        registration=exchange.registration,
        status=exchange.status,
        latency_ms=exchange.latency_ms,
        extra=exchange.extra,
    )


def _client(request: Request) -> Mapping[str, Any]:
    client = request.client
    assert client is not None
    return {
        "ip": client.ip,
        "asn": client.asn,
        "country": client.country,
        "user_agent": client.user_agent,
        "ja4": None,
        "harness": None,
    }


def _registration(request: Request) -> Mapping[str, Any]:
    who = request.who
    assert who is not None
    plan = who.account.plan or who.organisation.plan
    return {**who.account.registration, "plan": plan} if plan else who.account.registration


def access_fields(request: Request, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """The request in one line for operators: no content, no key."""
    who, client = request.who, request.client
    return {
        "id": request.id,
        "method": request.method,
        "path": request.path,
        "status": outcome.status,
        "ended": outcome.ended,
        "rule": outcome.rule,
        "account": who.account.id if who is not None else None,
        "ip": client.ip if client is not None else None,
        "model": request.model.name if request.model is not None else None,
        "upstream": outcome.upstream,
        "input_tokens": outcome.usage.get("input_tokens"),
        "output_tokens": outcome.usage.get("output_tokens"),
        "ms": round(seconds * 1e3, 3),
    }
