"""The rules in their order: place, key, decision, model, parameters, blobs, limits. The first no is the answer.

What costs least and needs least comes first, so that an address that may not ask costs no look-up of a key, and a key
that may not ask costs no body.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from stillhouse.guard.access.directory import Directory
from stillhouse.guard.access.limits import FailedKeys, Limiter
from stillhouse.guard.gateway.body import Receive, parse_body, read_body
from stillhouse.guard.gateway.headers import first
from stillhouse.guard.gateway.identity import identify, refusal_by
from stillhouse.guard.gateway.request import Client, Request, Who
from stillhouse.guard.gateway.runtime import ServedModel
from stillhouse.guard.gateway.watch import Connection
from stillhouse.guard.policy import apply, under_strip
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import Policy, Prices
from stillhouse.guard.wire.base import Asked, Wire
from stillhouse.guard.wire.odd_json import write_json
from stillhouse.guard.wire.reasoning import reasoning_edit
from stillhouse.guard.wire.routes import Route
from stillhouse.types import Api

__all__ = ["Admitting", "may_use", "text_bytes"]

_PAGING = frozenset({"after", "before", "limit", "order"})
_LONG_RUN = 2048
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{%d,}={0,2}" % _LONG_RUN)
_RUN_BYTES = 4 * 1000  # a thousand tokens: what providers count for a picture of a megapixel, more or less
_under_strip = lru_cache(maxsize=256)(under_strip)


class Admitting:
    """Decides about requests. Holds what all of them share; a request's own facts go into the request."""

    def __init__(self, directory: Directory, limiter: Limiter, failed_keys: FailedKeys) -> None:
        self._directory = directory
        self._limiter = limiter
        self._failed_keys = failed_keys

    def know(self, request: Request, peer: str) -> Who:
        """Whose request it is: everything that its headers tell. Raises Refusal."""
        runtime = request.runtime
        ip = runtime.addresses.of(peer, request.headers)
        trusted = runtime.addresses.trusts(peer)
        place = runtime.regions.of(ip, request.headers, trusted)
        agent = first(request.headers, b"user-agent")
        client = Client(ip, place.country, place.asn, agent.decode("latin-1") if agent else None)
        request.client = client
        runtime.rules.check_gateway(ip, place.country)
        try:
            who = identify(request, self._directory)
        except Refusal as refusal:
            # Only who has no good key waits: others behind the same address are not refused for it.
            if refusal.rule == "key.unknown":
                self._failed_keys.check(ip, request.time)
                self._failed_keys.failed(ip, request.time)
            raise
        request.who = who
        runtime.rules.check(who.organisation, who.key, ip, place.country)
        if who.action is not None:
            request.told.append((b"stillhouse-action", who.action.action.encode()))
            decided = refusal_by(who.action, runtime.settings.access.contact)
            if decided is not None:
                raise decided
        return who

    async def admit(self, request: Request, wire: Wire, receive: Receive, connection: Connection) -> None:
        """Everything else, for a request with a body for a model. Raises Refusal, ClientGone."""
        who = request.who
        assert who is not None
        settings = request.runtime.settings
        raw = await read_body(receive, connection, request.headers, settings.listen)
        body = parse_body(raw, settings.listen.depth)
        request.sent = request.forward = orjson.dumps(body)
        asked = request.asked = wire.asked(body)
        model = request.model = self._model(request, who, wire, asked.model)
        request.upstreams = model.upstreams
        changed = self._close(request, who, wire, body)
        if model.upstream_name != asked.model:
            body["model"] = model.upstream_name
            changed = True
        if changed:
            request.forward = write_json(body)  # a blob that was opened may hold half a character
        await self._limit(request, who, asked, model.settings.prices, text_bytes(raw))

    async def _limit(self, request: Request, who: Who, asked: Asked, prices: Prices, size: int) -> None:
        factor = 1.0
        if who.action is not None and who.action.action == "slow":
            factor = request.runtime.settings.access.slow.limits_factor
        request.admission = await self._limiter.admit(
            who.plan,
            who.account.id,
            who.organisation.id,
            who.key.id,
            prices,
            asked,
            size,
            request.id,
            request.time,
            factor,
        )

    async def admit_stored(self, request: Request, route: Route) -> None:
        """A request about a response that an upstream keeps, by its id. Raises Refusal.

        An id is a bearer's key to what it names, and all accounts share the upstream's one account. So only where ids
        are sealed to accounts can one be followed. What was hidden when the response was made stays hidden: of the
        query only the paging goes through.
        """
        who, sealer = request.who, request.runtime.sealer
        assert who is not None and route.wire is not None and route.id is not None
        if sealer is None:
            raise Refusal(
                "not_found", "path.unsealed", "Stored responses cannot be asked for here; keep the answer itself."
            )
        served = [model for model in request.runtime.models.values() if may_use(who, model.name)]
        request.upstreams = list({upstream.name: upstream for model in served for upstream in model.upstreams}.values())
        if not served:
            raise Refusal("permission", "model.not_allowed", "This account may use no model here.")
        id = sealer.open_id(route.id, who.account.id)
        request.upstream_path = route.path.replace(route.id, id, 1)
        asked = [(name, value) for name, value in parse_qsl(request.query.decode("latin-1")) if name in _PAGING]
        opened = [(name, sealer.open_id(value, who.account.id) if name == "after" else value) for name, value in asked]
        request.query = urlencode(opened).encode()
        if _policy_of(who).reasoning == "strip":
            strip = reasoning_edit(route.wire)
            if strip is not None:
                request.edits.append(strip)
        sealing = sealer.answer_edit("responses", {}, who.account.id)
        if sealing is not None:
            request.edits.append(sealing)
        await self._limit(request, who, Asked("", output_tokens=0), Prices(), 0)

    def _model(self, request: Request, who: Who, wire: Wire, name: str) -> ServedModel:
        model = request.runtime.models.get(name)
        if model is None:
            raise Refusal("not_found", "model.unknown", f"There is no model '{name[:100]}' here.", param="model")
        if not may_use(who, name):
            raise Refusal("permission", "model.not_allowed", f"This account may not use '{name}'.", param="model")
        if model.settings.apis and wire.api not in (None, *model.settings.apis):
            served = ", ".join(model.settings.apis)
            raise Refusal("invalid_request", "model.api", f"'{name}' is served by: {served}.", param="model")
        return model

    def _close(self, request: Request, who: Who, wire: Wire, body: dict[str, Any]) -> bool:
        """What is stripped, refused and opened; whether the body changed."""
        policy = _policy_of(who)
        if wire.api == "responses":
            _check_kept(body, request.runtime.sealer is not None)
        told = apply(policy, wire, body)
        if policy.reasoning == "strip":
            strip = reasoning_edit(wire)
            if strip is not None:
                request.edits.append(strip)
        changed = bool(told)
        if told:
            request.told.append((b"stillhouse-policy", ", ".join(f"{name}=stripped" for name in told).encode()))
        sealer = request.runtime.sealer
        if sealer is not None:
            api: Api = wire.api or "messages"  # a count has the body of the message that it counts
            sealing = sealer.answer_edit(api, body, who.account.id)
            changed = sealer.open_request(api, body, who.account.id) or changed
            if sealing is not None:
                request.edits.append(sealing)
        return changed


def may_use(who: Who, model: str) -> bool:
    """Whether plan and organisation let an account ask this model."""
    plan, organisation = who.plan.models, who.organisation.models
    return (not plan or model in plan) and (not organisation or model in organisation)


def _policy_of(who: Who) -> Policy:
    stripped = who.action is not None and who.action.action == "strip"
    return _under_strip(who.plan.policy) if stripped else who.plan.policy


def _check_kept(body: Mapping[str, Any], sealed: bool) -> None:
    """Refuse what would be answered past the record, and ids of others where ids are not sealed."""
    if body.get("background"):
        raise Refusal(
            "invalid_request",
            "responses.background",
            "Answers are not made in the background here: they would come past limits and record; stream instead.",
            param="background",
        )
    if sealed:
        return
    given = body.get("input")
    items = given if isinstance(given, list) else ()
    named = [name for name in ("previous_response_id", "conversation") if body.get(name) is not None]
    if any(isinstance(item, dict) and item.get("type") == "item_reference" for item in items):
        named.append("input")
    if named:
        raise Refusal(
            "permission",
            "blob.unsealed",
            "Ids of stored answers are not sealed to accounts here, so none is followed; send the conversation itself.",
            param=named[0],
        )


def text_bytes(raw: bytes) -> int:
    """The body's bytes, with each picture, sound or file in it (as base64) counted as a fixed number of tokens."""
    if len(raw) < _LONG_RUN:
        return len(raw)
    runs = [match.end() - match.start() for match in _BASE64.finditer(raw)]
    return len(raw) - sum(runs) + _RUN_BYTES * len(runs)
