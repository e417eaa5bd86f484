"""Which failures pass, and how long to wait for that.

The wait is exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): a
uniform share of a bound that doubles each time, so that calls that failed together do not come back together. What
the endpoint asks for (`Retry-After`, RFC 9110, section 10.2.3) is never undercut.
"""

from email.utils import parsedate_to_datetime
from random import Random

from stillhouse.errors import EndpointError
from stillhouse.models.connection import (
    CERTIFICATE,
    HOST_NOT_FOUND,
    MALFORMED,
    NO_CONNECTION,
    QUOTA,
    REFUSED,
    RESET,
    STALL,
    UNSENT,
    Try,
    status_kind,
)
from stillhouse.models.endpoint import ConnectionSettings
from stillhouse.models.refusal import waits_too_long

__all__ = [
    "FORBIDDEN",
    "FORBIDDEN_IN_A_ROW",
    "UNREACHABLE",
    "backoff_bound",
    "is_final_for_all",
    "is_passing",
    "pause",
    "seconds_to_wait",
]

# About the key, or about this one question (a content filter). It is about the question where the run got answers
# before, and about the key after all where that many questions in a row, without an answer between them, meet it.
FORBIDDEN = status_kind(403)
FORBIDDEN_IN_A_ROW = 20
UNREACHABLE = frozenset({REFUSED, NO_CONNECTION, HOST_NOT_FOUND})
_PASSING_STATUSES = (408, 409, 425, 429)
_PASSING = frozenset({RESET, STALL, UNSENT, MALFORMED, *UNREACHABLE, *map(status_kind, _PASSING_STATUSES)})
# The same request would get the same answer, and so would every other one.
_FINAL = frozenset({CERTIFICATE, QUOTA, FORBIDDEN, *(status_kind(status) for status in (401, 402, 404, 405, 501, 505))})


def is_passing(kind: str) -> bool:
    """Whether the same request may succeed later."""
    return kind in _PASSING or (kind.startswith("HTTP 5") and kind not in _FINAL)


def is_final_for_all(kind: str) -> bool:
    """Whether no other request to this endpoint can succeed either; a 403 unless it is about one question."""
    return kind in _FINAL or kind.startswith("HTTP 3")


def backoff_bound(attempt: int, backoff: float, longest: float) -> float:
    """Most seconds before the retry after try `attempt` (from 0)."""
    return min(longest, backoff * 2.0**attempt)


def pause(name: str, settings: ConnectionSettings, attempt: int, tried: Try, now: float, random: Random) -> float:
    """Seconds between try `attempt` (from 0), which came to `tried`, and the next one.

    EndpointError, opened by `name`, if the endpoint asks for more than `longest_wait`: to ask sooner would be rude, and
    every other call would hear the same.
    """
    asked = seconds_to_wait(tried.retry_after, now)
    if asked > settings.longest_wait:
        raise EndpointError(waits_too_long(name, settings, asked))
    return asked + random.random() * backoff_bound(attempt, settings.backoff, settings.longest_wait)


def seconds_to_wait(retry_after: str | None, now: float) -> float:
    """What `Retry-After` asks for, from a number of seconds or an HTTP date; 0 where it asks for nothing readable."""
    if retry_after is None:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0
