"""A request that is not served, said once in neutral words; each wire format says it in its own.

A refusal always names the rule, because a client that does not know why it is turned away asks again, and because
whoever appeals must be able to point at something.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["STATUS", "Refusal", "RefusalKind"]

RefusalKind = Literal[
    "invalid_request",  # the request itself is wrong
    "authentication",  # no key, or not one of ours
    "permission",  # a known client that may not
    "budget",  # the money or the tokens granted are spent
    "not_found",  # no such path or model
    "method",  # the path exists, this method does not
    "timeout_client",  # the client did not finish sending
    "too_large",  # body over the limit
    "unsupported_media",  # a body that is encoded
    "rate_limit",  # later, yes
    "internal",  # a fault of ours
    "upstream",  # the model's server answered nonsense or broke off
    "overloaded",  # no upstream is healthy, or the gateway drains
    "timeout",  # the model's server did not answer in time
]

STATUS: dict[RefusalKind, int] = {
    "invalid_request": 400,
    "authentication": 401,
    "permission": 403,
    "budget": 402,
    "not_found": 404,
    "method": 405,
    "timeout_client": 408,
    "too_large": 413,
    "unsupported_media": 415,
    "rate_limit": 429,
    "internal": 500,
    "upstream": 502,
    "overloaded": 503,
    "timeout": 504,
}


@dataclass(eq=False)
class Refusal(Exception):
    """Why a request is not served. Raised on the request path, turned into an answer at one place.

    `rule` is a stable dotted name (`key.unknown`, `limit.requests_per_minute`, `action.suspend`): it goes into the
    header `stillhouse-rule`, the error's code, the log and the metrics, so it holds no value. `message` is one sentence
    for the client, with the remedy. `retry_after` is in seconds. `param` is the field of the request that is meant.
    `link` is where a person goes on (verification, appeal).
    """

    kind: RefusalKind
    rule: str
    message: str
    retry_after: float | None = None
    param: str | None = None
    link: str | None = None

    @property
    def status(self) -> int:
        return STATUS[self.kind]

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"
