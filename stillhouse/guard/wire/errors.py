"""A refusal in the words of each family, because a client's library reads only its own.

OpenAI's `code` and Anthropic's `details.error_code` carry the rule's name, which both SDKs offer to programs. What else
we have to say (`link`, and `rule` by its own name) stands beside the family's fields, where libraries keep what they do
not know.
"""

from typing import Any, Literal

import orjson

from stillhouse.guard.refusal import Refusal, RefusalKind

__all__ = ["Family", "error_body", "error_event", "openai_error"]

Family = Literal["openai", "anthropic"]

# As api.openai.com and api.anthropic.com name them. Where one has no such answer, its type for that class of status.
_TYPES: dict[RefusalKind, tuple[str, str]] = {
    "invalid_request": ("invalid_request_error", "invalid_request_error"),
    "authentication": ("invalid_request_error", "authentication_error"),
    "permission": ("request_forbidden", "permission_error"),
    "budget": ("insufficient_quota", "billing_error"),
    "not_found": ("invalid_request_error", "not_found_error"),
    "method": ("invalid_request_error", "invalid_request_error"),
    "timeout_client": ("invalid_request_error", "timeout_error"),
    "too_large": ("invalid_request_error", "request_too_large"),
    "unsupported_media": ("invalid_request_error", "invalid_request_error"),
    "rate_limit": ("requests", "rate_limit_error"),
    "internal": ("server_error", "api_error"),
    "upstream": ("server_error", "api_error"),
    "overloaded": ("service_unavailable_error", "overloaded_error"),
    "timeout": ("server_error", "timeout_error"),
}


def error_body(family: Family, refusal: Refusal, request_id: str) -> bytes:
    """The JSON body of an error answer. OpenAI's clients take the request's id from a header, Anthropic's from both."""
    return orjson.dumps(
        {"error": openai_error(refusal)} if family == "openai" else _anthropic_error(refusal, request_id)
    )


def error_event(family: Family, refusal: Refusal, request_id: str) -> bytes:
    """The same inside a stream that has begun, so that the client's library raises instead of ending quietly."""
    named = b"" if family == "openai" else b"event: error\n"
    return named + b"data: " + error_body(family, refusal, request_id) + b"\n\n"


def openai_error(refusal: Refusal) -> dict[str, Any]:
    """What OpenAI's form has under `error`."""
    kind = _TYPES[refusal.kind][0]
    if refusal.kind == "rate_limit" and "tokens" in refusal.rule:
        kind = "tokens"
    error = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.rule}
    return error if refusal.link is None else {**error, "link": refusal.link}


def _anthropic_error(refusal: Refusal, request_id: str) -> dict[str, Any]:
    error: dict[str, Any] = {
        "type": _TYPES[refusal.kind][1],
        "message": refusal.message,
        "details": {"error_code": refusal.rule},
        "rule": refusal.rule,
    }
    for name, value in (("param", refusal.param), ("link", refusal.link)):
        if value is not None:
            error[name] = value
    return {"type": "error", "error": error, "request_id": request_id}
