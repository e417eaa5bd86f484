"""A refusal as each family's own library reads it: the class that its users catch, and what it tells them."""

from collections.abc import Awaitable, Callable
from typing import Any, get_args

import anthropic
import openai
import orjson
import pytest

from stillhouse.guard.refusal import STATUS, Refusal, RefusalKind
from stillhouse.guard.wire import Chat, Completions, CountTokens, Embeddings, Messages, Responses, Wire, error_body
from tests.guard.wire.sdk import anthropic_reads, openai_reads
from tests.guard.wire.streams import chunk, sse

KINDS: tuple[RefusalKind, ...] = get_args(RefusalKind)

OPENAI: dict[RefusalKind, tuple[type[openai.APIStatusError], str]] = {
    "invalid_request": (openai.BadRequestError, "invalid_request_error"),
    "authentication": (openai.AuthenticationError, "invalid_request_error"),
    "permission": (openai.PermissionDeniedError, "request_forbidden"),
    "budget": (openai.APIStatusError, "insufficient_quota"),
    "not_found": (openai.NotFoundError, "invalid_request_error"),
    "method": (openai.APIStatusError, "invalid_request_error"),
    "timeout_client": (openai.APIStatusError, "invalid_request_error"),
    "too_large": (openai.APIStatusError, "invalid_request_error"),
    "unsupported_media": (openai.APIStatusError, "invalid_request_error"),
    "rate_limit": (openai.RateLimitError, "requests"),
    "internal": (openai.InternalServerError, "server_error"),
    "upstream": (openai.InternalServerError, "server_error"),
    "overloaded": (openai.InternalServerError, "service_unavailable_error"),
    "timeout": (openai.InternalServerError, "server_error"),
}
ANTHROPIC: dict[RefusalKind, tuple[type[anthropic.APIStatusError], str]] = {
    "invalid_request": (anthropic.BadRequestError, "invalid_request_error"),
    "authentication": (anthropic.AuthenticationError, "authentication_error"),
    "permission": (anthropic.PermissionDeniedError, "permission_error"),
    "budget": (anthropic.PaymentRequiredError, "billing_error"),
    "not_found": (anthropic.NotFoundError, "not_found_error"),
    "method": (anthropic.APIStatusError, "invalid_request_error"),
    "timeout_client": (anthropic.RequestTimeoutError, "timeout_error"),
    "too_large": (anthropic.ContentTooLargeError, "request_too_large"),
    "unsupported_media": (anthropic.APIStatusError, "invalid_request_error"),
    "rate_limit": (anthropic.RateLimitError, "rate_limit_error"),
    "internal": (anthropic.InternalServerError, "api_error"),
    "upstream": (anthropic.InternalServerError, "api_error"),
    "overloaded": (anthropic.ServiceUnavailableError, "overloaded_error"),
    "timeout": (anthropic.GatewayTimeoutError, "timeout_error"),
}
ASK: list[Any] = [{"role": "user", "content": "hi"}]


def refusal(kind: RefusalKind, **more: Any) -> Refusal:
    return Refusal(kind, f"some.{kind}", "This did not go well; try otherwise.", **more)


async def _chat(client: openai.AsyncOpenAI) -> Any:
    return [chunk async for chunk in await client.chat.completions.create(model="m", messages=ASK, stream=True)]


async def _completions(client: openai.AsyncOpenAI) -> Any:
    return [chunk async for chunk in await client.completions.create(model="m", prompt="a", stream=True)]


async def _responses(client: openai.AsyncOpenAI) -> Any:
    return [event async for event in await client.responses.create(model="m", input="a", stream=True)]


async def _embeddings(client: openai.AsyncOpenAI) -> Any:
    return await client.embeddings.create(model="m", input="a")


async def _messages(client: anthropic.AsyncAnthropic) -> Any:
    return [event async for event in await client.messages.create(model="m", max_tokens=9, messages=ASK, stream=True)]


async def _count(client: anthropic.AsyncAnthropic) -> Any:
    return await client.messages.count_tokens(model="m", messages=ASK)


OPENAI_ASKS: list[tuple[Wire, Callable[[openai.AsyncOpenAI], Awaitable[Any]]]] = [
    (Chat(), _chat),
    (Completions(), _completions),
    (Responses(), _responses),
    (Embeddings(), _embeddings),
]


@pytest.mark.parametrize("kind", KINDS)
def test_openais_library_raises_the_class_of_its_status(kind: RefusalKind) -> None:
    said = refusal(kind, param="n", link="https://example.org/appeal")
    error_class, error_type = OPENAI[kind]
    for wire, ask in OPENAI_ASKS if kind == "rate_limit" else OPENAI_ASKS[:1]:
        with pytest.raises(error_class) as error:
            openai_reads(error_body(wire.family, said, "req_1"), ask, STATUS[kind])
        found = error.value
        assert type(found) is error_class and found.status_code == said.status
        assert (found.code, found.param, found.type) == (f"some.{kind}", "n", error_type)
        assert said.message in str(found)
        assert isinstance(found.body, dict) and found.body["link"] == "https://example.org/appeal"


@pytest.mark.parametrize("kind", KINDS)
def test_anthropics_library_raises_the_class_of_its_status(kind: RefusalKind) -> None:
    said = refusal(kind, param="n", link="https://example.org/appeal")
    error_class, error_type = ANTHROPIC[kind]
    asks: list[tuple[Wire, Any]] = [(Messages(), _messages), (CountTokens(), _count)]
    for wire, ask in asks if kind == "rate_limit" else asks[:1]:
        with pytest.raises(error_class) as error:
            anthropic_reads(error_body(wire.family, said, "req_1"), ask, STATUS[kind])
        found = error.value
        assert type(found) is error_class and found.status_code == said.status
        assert (found.type, found.error_code, found.api_message) == (error_type, f"some.{kind}", said.message)
        assert isinstance(found.body, dict) and found.body["request_id"] == "req_1"
        inner = found.body["error"]
        assert (inner["rule"], inner["link"], inner["param"]) == (f"some.{kind}", "https://example.org/appeal", "n")


@pytest.mark.parametrize("kind", KINDS)
def test_openais_library_raises_inside_of_a_stream(kind: RefusalKind) -> None:
    """Without a status of its own such an error has no class of its own there either."""
    said = refusal(kind, param="n")
    begun = sse([chunk({"content": "a"})])
    created = sse([{"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1"}}], named=True)
    for (wire, ask), before in ((OPENAI_ASKS[0], begun), (OPENAI_ASKS[2], created)):
        with pytest.raises(openai.APIError) as error:
            openai_reads(before + wire.error_event(said, "req_1"), ask)
        found = error.value
        assert found.message == said.message
        assert (found.code, found.param, found.type) == (f"some.{kind}", "n", OPENAI[kind][1])


@pytest.mark.parametrize("kind", KINDS)
def test_anthropics_library_raises_inside_of_a_stream(kind: RefusalKind) -> None:
    said = refusal(kind)
    with pytest.raises(anthropic.APIStatusError) as error:
        anthropic_reads(sse([{"type": "ping"}], named=True) + Messages().error_event(said, "req_1"), _messages)
    found = error.value
    assert (found.type, found.error_code, found.api_message) == (ANTHROPIC[kind][1], f"some.{kind}", said.message)


def test_an_error_event_of_responses_has_its_fields_in_both_places() -> None:
    event = Responses().error_event(refusal("upstream", param="n"), "req_1")
    assert event.startswith(b"event: error\ndata: ") and event.endswith(b"\n\n")
    data = orjson.loads(event.partition(b"data: ")[2])
    inner = data.pop("error")
    assert data == {
        "type": "error",
        "sequence_number": 0,
        "code": "some.upstream",
        "message": inner["message"],
        "param": "n",
    }
    assert inner["type"] == "server_error"


def test_openai_tells_two_rate_limits_apart() -> None:
    for rule, kind in (("limit.tokens_per_minute", "tokens"), ("limit.requests_per_minute", "requests")):
        body = error_body("openai", Refusal("rate_limit", rule, "Later."), "req_1")
        assert orjson.loads(body) == {"error": {"message": "Later.", "type": kind, "param": None, "code": rule}}


def test_what_is_not_known_is_left_out_of_anthropics_form() -> None:
    assert orjson.loads(error_body("anthropic", Refusal("internal", "a.b", "Sorry."), "req_1")) == {
        "type": "error",
        "error": {"type": "api_error", "message": "Sorry.", "details": {"error_code": "a.b"}, "rule": "a.b"},
        "request_id": "req_1",
    }
