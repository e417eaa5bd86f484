"""What an answer tells its client about his limits, in the headers that his library reads.

Told is the tightest limit of those that hold for him, because that is the one that he will meet.
"""

import math
from datetime import UTC, datetime
from typing import NamedTuple

__all__ = ["Standing", "duration", "limit_headers"]

_OPENAI = (
    (b"x-ratelimit-limit-requests", b"x-ratelimit-remaining-requests", b"x-ratelimit-reset-requests"),
    (b"x-ratelimit-limit-tokens", b"x-ratelimit-remaining-tokens", b"x-ratelimit-reset-tokens"),
)
_ANTHROPIC = (
    (
        b"anthropic-ratelimit-requests-limit",
        b"anthropic-ratelimit-requests-remaining",
        b"anthropic-ratelimit-requests-reset",
    ),
    (b"anthropic-ratelimit-tokens-limit", b"anthropic-ratelimit-tokens-remaining", b"anthropic-ratelimit-tokens-reset"),
)


class Standing(NamedTuple):
    """A limit, what is left of it, and when (seconds since 1970) all of it is left again if nothing more is asked."""

    limit: float
    left: float
    now: float
    full_at: float


def limit_headers(family: str, requests: Standing | None, tokens: Standing | None) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-*` for OpenAI's clients, `anthropic-ratelimit-*` for Anthropic's; none for what has no limit."""
    names = _ANTHROPIC if family == "anthropic" else _OPENAI
    reset = _time if family == "anthropic" else _duration
    headers: list[tuple[bytes, bytes]] = []
    for (limit, left, full), standing in ((names[0], requests), (names[1], tokens)):
        if standing is not None:
            headers += (
                (limit, b"%d" % standing.limit),
                (left, b"%d" % standing.left if standing.left > 0 else b"0"),
                (full, reset(standing)),
            )
    return headers


def _time(standing: Standing) -> bytes:
    """RFC 3339 in whole seconds, rounded up."""
    return f"{datetime.fromtimestamp(math.ceil(standing.full_at), UTC).isoformat()[:19]}Z".encode()


def _duration(standing: Standing) -> bytes:
    return duration(standing.full_at - standing.now).encode()


def duration(seconds: float) -> str:
    """As OpenAI writes it: `59s`, `6m0s`, `5h3m20s`, in whole seconds rounded up."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"
