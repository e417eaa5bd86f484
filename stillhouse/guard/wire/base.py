"""What the gateway must know of a wire format, and nothing more.

A body is forwarded as it came unless a rule changes it, so a format names only the few fields that rules, limits and
the log need; everything else passes through untouched, known to us or not. One class a format, each in its own file.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire.errors import Family, error_event
from stillhouse.types import Api

__all__ = ["AnswerEdit", "Asked", "Assembled", "Assembler", "Wire"]


class Asked(NamedTuple):
    """What rules and limits need of a request. `output_tokens` is the most that it asks for, if it says."""

    model: str
    stream: bool = False
    output_tokens: int | None = None
    choices: int = 1


@dataclass(frozen=True, slots=True)
class Assembled:
    """A streamed answer as the body that the same request would have got unstreamed.

    `usage` has the names of the exchange format (`input_tokens`, `output_tokens`, `reasoning_tokens`,
    `cached_input_tokens`) and is empty where the upstream told none. `complete` says that the format's own end was
    seen. `error` is what the upstream's error event says, where there was one: its `error` object, or all of it where
    it has none.
    """

    body: Mapping[str, Any] | None
    usage: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    error: Mapping[str, Any] | None = None


class Assembler(Protocol):
    """Puts a streamed answer together on the side, chunk by chunk."""

    @property
    def complete(self) -> bool:
        """Whether the format's own last event was in what was fed so far."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they came, cut anywhere. Never raises: what cannot be read is passed over."""
        ...

    def result(self) -> Assembled: ...


class AnswerEdit(Protocol):
    """A change of answers on their way out: sealing, stripping.

    A stream is looked into only where one of `markers` occurs in an event's bytes, so the rest costs one search. They
    are asked for anew after each event that was looked into, so an edit may look for more once it has begun. An edit
    may hold state: one belongs to one answer.
    """

    @property
    def markers(self) -> tuple[bytes, ...]: ...

    def edit_event(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """The event's data as it goes out (it may be changed in place); None drops the event."""
        ...

    def edit_body(self, body: dict[str, Any]) -> bool:
        """Change the body of an unstreamed answer in place; False only where nothing was changed."""
        ...


class Wire(ABC):
    """One API of one family. Instances hold no state."""

    api: ClassVar[Api | None]
    """What the exchange log calls it; None where nothing is logged."""
    family: ClassVar[Family]
    """Whose errors its clients understand."""

    @abstractmethod
    def asked(self, body: Mapping[str, Any]) -> Asked:
        """Raises Refusal(invalid_request) with the field in `param` where what we need has the wrong type."""

    @abstractmethod
    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        """Tokens of an unstreamed answer, in the exchange format's names; empty where it tells none. Never raises."""

    @abstractmethod
    def assembler(self) -> Assembler: ...

    def error_event(self, refusal: Refusal, request_id: str) -> bytes:
        """The refusal as a server-sent event, for an answer that has begun."""
        return error_event(self.family, refusal, request_id)
