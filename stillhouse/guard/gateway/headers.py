"""Which headers go through, in both directions.

What belongs to one connection stays on it (RFC 9110, section 7.6.1), a client's credentials never reach an upstream,
and an upstream's cookies, limits and request ids, which speak of our account there, never reach a client. All else goes
through as it came, known to us or not.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from stillhouse.guard.access.address import Headers

__all__ = ["Headers", "answer_headers", "first", "upstream_headers"]


_CONNECTION = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_NOT_UPSTREAM = frozenset(
    _CONNECTION
    | {
        b"host",
        b"content-length",
        b"expect",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"cookie",
        b"accept-encoding",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-port",
        b"x-real-ip",
        b"via",
        # Who the client says it is to the provider is ours to say; and what other proxies wrote about it stays here.
        b"openai-organization",
        b"openai-project",
        b"anthropic-organization-id",
        b"x-goog-api-key",
        b"x-goog-user-project",
        b"cf-connecting-ip",
        b"cf-ipcountry",
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-request-id",
    }
)
_NOT_CLIENT = frozenset(
    _CONNECTION
    | {
        b"content-length",
        b"content-encoding",
        b"server",
        b"date",
        b"set-cookie",
        b"x-request-id",
        b"request-id",
        b"alt-svc",
        b"openai-organization",
        b"openai-project",
        b"anthropic-organization-id",
    }
)
# What a header's name and value may be made of (RFC 9110, sections 5.1 and 5.5); an upstream may send others.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_CLIENT_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-", b"stillhouse-")


def first(headers: Headers, name: bytes) -> bytes | None:
    """The value of the first header called `name` (lower case)."""
    for found, value in headers:
        if found == name:
            return value
    return None


def _named_by_connection(headers: Headers) -> set[bytes]:
    """Headers that Connection headers declare to be of this connection only."""
    values = [value for name, value in headers if name == b"connection"]
    return {name.strip().lower() for value in values for name in value.split(b",")}


def upstream_headers(headers: Headers, own: Mapping[str, str], request_id: str) -> list[tuple[str, str]]:
    """What goes to an upstream: the client's headers that may, then the upstream's `own` (its key, fixed ones)."""
    here = _named_by_connection(headers)
    # The body is looked at on its way back, so it must come as it is.
    passed = [("accept-encoding", "identity"), ("x-request-id", request_id), *own.items()]
    for name, value in headers:
        text = _upstream_name(name)
        if text is not None and name not in here and text not in own:
            passed.append((text, value.decode("utf-8", "replace")))
    return passed


@lru_cache(maxsize=1024)
def _upstream_name(name: bytes) -> str | None:
    return None if name in _NOT_UPSTREAM or name.startswith(b"stillhouse-") else name.decode("latin-1")


def answer_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """What goes to the client of an upstream's answer."""
    lowered = [(name.lower(), value) for name, value in headers]
    here = _named_by_connection(lowered)
    return [
        (name, value)
        for name, value in lowered
        if _may_reach_client(name) and name not in here and not _CONTROL.search(value)
    ]


@lru_cache(maxsize=1024)
def _may_reach_client(name: bytes) -> bool:
    return name not in _NOT_CLIENT and not name.startswith(_NOT_CLIENT_PREFIXES) and _TOKEN.fullmatch(name) is not None
