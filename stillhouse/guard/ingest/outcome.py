"""What becomes of a row that is no exchange.

Two kinds, because they mean different things to whoever reads the summary: a fault is something lost that should have
been there; what is passed over was never meant for us (a span of a database, a generated image).
"""

from dataclasses import dataclass

from stillhouse.types import Exchange

__all__ = ["Fault", "Outcome", "PassedOver"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be read: where it stands, why, and its text, so that it can be mended and read again."""

    place: str
    reason: str
    line: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A row of another kind. `reason` names the kind and holds no value of the row, so that it can be counted by it."""

    reason: str


Outcome = Exchange | Fault | PassedOver
