"""One thing that can be asked for: routes and their description are both made from it, so they cannot differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stillhouse.config import Settings
from stillhouse.guard.admin.bodies import Body, NoQuery, Query

__all__ = ["Call", "Operation"]


@dataclass(frozen=True)
class Call:
    """A request, checked. `body` and `query` are of the operation's classes."""

    path: Mapping[str, str]
    query: Any
    body: Any
    actor: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`run` is called in a thread, or in that of the event loop where it is `inline`; it raises the house's errors.

    `faults` are statuses of its own beside those that every operation has. After one that `writes` this gateway's
    directory is brought up to date before the answer goes out.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    summary: str
    answer: type[Settings]
    run: Callable[[Call], Settings]
    body: type[Body] | None = None
    query: type[Query] = NoQuery
    status: int = 200
    faults: tuple[int, ...] = ()
    writes: bool = False
    inline: bool = False

    @property
    def name(self) -> str:
        """A name for the description: `post_v1_keys_id_rotate`."""
        return self.method.lower() + self.path.translate({ord("/"): "_", ord("{"): "", ord("}"): ""})

    @property
    def body_needed(self) -> bool:
        """Whether there is a body that cannot be left out."""
        return self.body is not None and any(field.is_required() for field in self.body.model_fields.values())
