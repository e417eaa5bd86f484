"""How a request ended, in the words that the log, the limits and the metrics need."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

__all__ = ["Ended", "Outcome"]

_UNTOLD: Mapping[str, int] = MappingProxyType({})

Ended = Literal["complete", "refused", "upstream_error", "broken_off", "client_gone"]


class Outcome(NamedTuple):
    """`response` is the body as the client got it (bytes of JSON, or assembled), None where there is none.

    `usage` is what the upstream told; `estimated` says that it told none and a part of it was estimated. `rule` is the
    refusal's, where there was one, and `blob_owner` the account whose blob another one sent. `status` is what the
    client was told (499 where it left before it was told any).
    """

    status: int
    ended: Ended
    response: bytes | Mapping[str, Any] | None = None
    usage: Mapping[str, int] = _UNTOLD
    estimated: bool = False
    rule: str | None = None
    upstream: str | None = None
    blob_owner: str | None = None

    @property
    def promised(self) -> bool:
        """Whether the client can take what it got for a whole answer."""
        return self.ended in ("complete", "upstream_error")
