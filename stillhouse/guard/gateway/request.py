"""One request on its way through the gateway: what is known of it, filled in as it is found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from stillhouse.guard.access.entities import Account, ActionInForce, Key, Organisation
from stillhouse.guard.gateway.headers import Headers
from stillhouse.guard.wire.base import AnswerEdit, Asked, Wire
from stillhouse.guard.wire.errors import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Span

    from stillhouse.guard.access.limits import Admission
    from stillhouse.guard.gateway.runtime import Runtime, ServedModel
    from stillhouse.guard.settings import Plan
    from stillhouse.guard.upstreams.upstream import Upstream

__all__ = ["Client", "Request", "Who"]


class Client(NamedTuple):
    """Where a request comes from, as far as it can be believed."""

    ip: str
    country: str | None
    asn: int | None
    user_agent: str | None


class Who(NamedTuple):
    """Whose request it is, and under which rules."""

    key: Key
    account: Account
    organisation: Organisation
    plan: "Plan"
    action: ActionInForce | None


@dataclass(slots=True)
class Request:
    """`started` is a performance counter's time, `time` seconds since 1970. What is not known yet is None."""

    id: str
    time: float
    started: float
    method: str
    path: str
    query: bytes
    headers: Headers
    runtime: "Runtime"
    family: Family = "openai"
    wire: Wire | None = None
    client: Client | None = None
    who: Who | None = None
    sent: bytes | None = None
    """The body as the client meant it: what the log keeps."""
    asked: Asked | None = None
    model: "ServedModel | None" = None
    admission: "Admission | None" = None
    forward: bytes | None = None
    """The body as the upstream gets it."""
    upstream_path: str = ""
    edits: list[AnswerEdit] = field(default_factory=list)
    told: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Headers that disclose what was done to the request."""
    upstreams: "Sequence[Upstream]" = ()
    """Who may answer it."""
    span: "Span | None" = None
    trace: Mapping[str, str] | None = None
    """Headers that make the upstream's spans children of ours."""
    finished: bool = False
