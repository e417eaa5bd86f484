"""One exchange as the gateway knows it when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stillhouse.types import Api

__all__ = ["Draft"]

_WITHOUT_BODIES = 1024
_UNKNOWN_BODY = 4096


@dataclass(slots=True, kw_only=True)
class Draft:
    """What becomes one line of `stillhouse.exchange/1`. It belongs to the log once it is added: nobody changes it then.

    `time` is in seconds since 1970. A body given as bytes is the JSON object as it was sent, already parsed by whoever
    gives it, and is embedded as it is; one given as a mapping is written by the log. `body_bytes` is the size of bodies
    given as mappings, where it is known: the queue's bound counts with it. The headers of a request are never part of a
    draft, so neither are the secrets in them. `extra` are further fields of the record, none of them content.
    """

    id: str
    time: float
    account: str
    model: str
    api: Api
    request: bytes | Mapping[str, Any]
    response: bytes | Mapping[str, Any] | None = None
    organisation: str | None = None
    key: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)
    registration: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    latency_ms: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    body_bytes: int | None = None

    @property
    def size(self) -> int:
        """About how many bytes wait in memory for this exchange."""
        size = _WITHOUT_BODIES + (self.body_bytes or 0)
        for body in (self.request, self.response):
            if isinstance(body, bytes):
                size += len(body)
            elif body is not None and self.body_bytes is None:
                size += _UNKNOWN_BODY
        return size
