"""LiteLLM asks before each call whether its account may: the endpoint of its `generic_guardrail_api`.

Nothing of ours runs inside the proxy, so this survives LiteLLM's upgrades and works for every API that it serves.
Request and answer as in litellm 1.109.1 (litellm/types/proxy/guardrails/guardrail_hooks/generic_guardrail_api.py) and
as a running proxy sent them.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from stillhouse.errors import RecordError, StillhouseError
from stillhouse.guard.ingest.fields import Fields
from stillhouse.guard.ingest.litellm_payload import ACCOUNT
from stillhouse.guard.refusal import Refusal
from stillhouse.records.times import rfc3339
from stillhouse.types import Exchange

__all__ = ["PATH", "Counts", "Gate", "Guardrail"]

PATH: Final = "/beta/litellm_basic_guardrail_api"
"""Where LiteLLM asks; it appends this to `api_base` itself."""

_PASS: Final = b'{"action":"NONE"}'
_MOST_BYTES = 64 << 20


class Gate(Protocol):
    """Who may. Asked on the event loop, so it answers from memory."""

    def decide(self, account: str) -> Refusal | None:
        """Why a request of this account is not served; None if it is."""
        ...


@dataclass(slots=True)
class Counts:
    """What was asked. `unknown` counts requests whose account LiteLLM did not tell: they pass. `alarms` counts faults
    of the gate and of the recorder: those pass too."""

    asked: int = 0
    refused: int = 0
    unknown: int = 0
    malformed: int = 0
    alarms: int = 0


class Guardrail:
    """Answers LiteLLM. `route()` goes into a Starlette application; `answer` decides without one.

    `account`: keys of LiteLLM's `request_data`, the first that is there says whose request it is. `api_key`: what
    LiteLLM has as `api_key` of this guardrail; without it anybody who reaches the endpoint can ask who is suspended.
    `on_exchange` gets each chat request that was asked about, without its answer, which the guardrail hook does not
    have yet (status 0, or that of the refusal). `on_alarm` gets one line for each fault of the gate or of
    `on_exchange`: the customer's request passes. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        clock: Callable[[], float],
        account: Sequence[str] = ACCOUNT,
        api_key: str | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_alarm: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.counts = Counts()
        self._gate, self._clock, self._on_exchange, self._on_alarm = gate, clock, on_exchange, on_alarm
        self._api_key = None if api_key is None else api_key.encode()
        self._fields = Fields(
            {
                "account": tuple(account),
                "organisation": ("user_api_key_org_id", "user_api_key_team_id"),
                "key": ("user_api_key_hash",),
                "end_user": ("user_api_key_end_user_id",),
            }
        )

    def route(self) -> Route:
        return Route(PATH, self._endpoint, methods=["POST"])

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """(status, JSON) for one question of LiteLLM. 422 with one line where it is none."""
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return self._malformed(f"the body is not JSON ({error.msg}, column {error.colno})")
        if not isinstance(asked, dict):
            return self._malformed("the body is not a JSON object")
        data = asked.get("request_data")
        if not isinstance(data, dict):
            return self._malformed("request_data is not an object")
        kind = asked.get("input_type")
        if kind == "response":
            return 200, _PASS  # decided when it was asked; an answer on its way is not taken back
        if kind != "request":
            return self._malformed("input_type is neither 'request' nor 'response'")
        self.counts.asked += 1
        view = self._fields.view("request_data", data)
        try:
            account = view.text("account")
            about = {name: view.text(name) for name in ("organisation", "key", "end_user")}
        except RecordError as error:
            return self._malformed(str(error))
        if account is None:
            self.counts.unknown += 1
            return 200, _PASS
        refusal = self._decide(account)
        if self._on_exchange is not None:
            self._record(asked, account, about, refusal)
        if refusal is None:
            return 200, _PASS
        self.counts.refused += 1
        return 200, orjson.dumps({"action": "BLOCKED", "blocked_reason": _reason(refusal)})

    def _decide(self, account: str) -> Refusal | None:
        try:
            return self._gate.decide(account)
        except StillhouseError as error:
            self._alarm(f"guardrail: no decision ({error}); the request passed")
            return None

    def _record(
        self, asked: Mapping[str, Any], account: str, about: Mapping[str, str | None], refusal: Refusal | None
    ) -> None:
        """Only what is known whole: without `structured_messages` nothing says which API was asked."""
        messages, model = asked.get("structured_messages"), asked.get("model")
        if self._on_exchange is None or not isinstance(messages, list) or not isinstance(model, str) or not model:
            return
        now = int(self._clock() * 1000)
        call = asked.get("litellm_call_id")
        tools = asked.get("tools")
        client = {"user_agent": _user_agent(asked.get("request_headers")), "end_user": about["end_user"]}
        exchange = Exchange(
            id=_id(call, now, about["key"] or account),
            time=rfc3339(now),
            account=account,
            organisation=about["organisation"],
            key=about["key"],
            model=model,
            api="chat.completions",
            request={"model": model, "messages": messages, **({"tools": tools} if tools else {})},
            client={name: value for name, value in client.items() if value is not None},
            status=0 if refusal is None else refusal.status,
            extra={
                "source": "litellm-guardrail",
                **({"call": call} if isinstance(call, str) else {}),
                **({"rule": refusal.rule} if refusal is not None else {}),
            },
        )
        try:
            self._on_exchange(exchange)
        except StillhouseError as error:
            self._alarm(f"guardrail: not recorded ({error})")

    async def _endpoint(self, request: Request) -> Response:
        given = request.headers.get("x-api-key", "")
        if self._api_key is not None and not hmac.compare_digest(given.encode(), self._api_key):
            return _response(401, _detail("x-api-key is not the key of this guardrail"))
        pieces, size = [], 0
        try:
            async for piece in request.stream():
                pieces.append(piece)
                size += len(piece)
                if size > _MOST_BYTES:
                    return _response(413, _detail(f"the body is larger than {_MOST_BYTES >> 20} MiB"))
        except ClientDisconnect:
            return _response(400, _detail("the body broke off"))
        return _response(*self.answer(b"".join(pieces)))

    def _malformed(self, what: str) -> tuple[int, bytes]:
        self.counts.malformed += 1
        return 422, _detail(what)

    def _alarm(self, text: str) -> None:
        self.counts.alarms += 1
        self._on_alarm(text)


def _response(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")


def _detail(what: str) -> bytes:
    return orjson.dumps({"detail": what})


def _reason(refusal: Refusal) -> str:
    """What LiteLLM's client reads: the sentence, where to go on, and the rule, for which LiteLLM has no field."""
    return f"{refusal.message}{f' {refusal.link}' if refusal.link else ''} [{refusal.rule}]"


def _user_agent(headers: Any) -> str | None:
    if not isinstance(headers, Mapping):
        return None
    found = (value for name, value in headers.items() if name.lower() == "user-agent")
    return next((value for value in found if isinstance(value, str) and value), None)


def _id(call: Any, now: int, key: str) -> str:
    """A client may choose LiteLLM's call id, so it alone names nothing."""
    digest = hashlib.blake2b(f"{call}\0{now}\0{key}".encode(), digest_size=16)
    return f"litellm-guardrail-{digest.hexdigest()}"
