"""Where an API's bodies hold what is sealed; one class an API, each in its own file.

Only named places are looked at: tools' arguments and results may have fields of the same names, and those are the
client's own.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from stillhouse.guard.blobs.anchors import Block

__all__ = ["Places", "Said", "Slot", "blob", "dicts", "said_by"]

Said = Literal["client", "model", "nobody"]
"""Whose words an entry of a history is; system prompts are nobody's, since clients write them anew."""


class Slot(NamedTuple):
    """One string that is sealed on its way out and opened on its way in: `holder[key]`.

    `bound`: on its way out its conversation goes under the seal. `spare`: an id that its entry can do without, since
    what it names stands beside it; one that was never sealed is taken out instead of refused.
    """

    holder: Any
    key: str | int
    kind: str
    bound: bool = True
    spare: bool = False

    @property
    def text(self) -> str:
        """What stands there; empty where it is not a string."""
        value = self.holder[self.key]
        return value if isinstance(value, str) else ""


class Places(ABC):
    """One API. Instances hold no state; nothing raises on a body of another shape, since the upstream will."""

    markers: ClassVar[tuple[bytes, ...]]
    """In the bytes of every stream event that holds a slot."""

    @abstractmethod
    def history(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The conversation as the request tells it, oldest first."""

    @abstractmethod
    def said(self, entry: Mapping[str, Any]) -> Said: ...

    @abstractmethod
    def blocks(self, entry: Mapping[str, Any]) -> list[Block]:
        """What the client said in an entry of its own."""

    @abstractmethod
    def in_entry(self, entry: dict[str, Any]) -> Iterable[Slot]: ...

    def in_request(self, body: dict[str, Any]) -> Iterable[Slot]:
        """Slots beside the history."""
        return ()

    def continues(self, body: Mapping[str, Any]) -> bool:
        """Whether a part of the conversation is not in the request but stored with the provider."""
        return False

    @abstractmethod
    def in_body(self, body: dict[str, Any]) -> Iterable[Slot]: ...

    @abstractmethod
    def in_event(self, data: dict[str, Any]) -> Iterable[Slot]: ...


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing where it is no list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def said_by(entry: Mapping[str, Any], roles: Mapping[str, Said]) -> Said:
    role = entry.get("role")
    return roles.get(role, "nobody") if isinstance(role, str) else "nobody"


def blob(holder: Any, key: str | int, kind: str | None = None, *, bound: bool = True) -> Iterable[Slot]:
    """The slot of a blob where there is one: null and the empty string are none."""
    value = holder.get(key) if isinstance(holder, dict) else holder[key]
    return (Slot(holder, key, kind or str(key), bound),) if value and isinstance(value, str) else ()
