"""What counts, what may be asked of it, and what it answers: the same in one process and across many.

All that a request needs is taken in one step or not at all, slots for requests at once included: a request that is
refused for its tokens has not used up a request, and two gateways that ask at the same moment cannot both get the last.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from stillhouse.guard.counters.window import Window

__all__ = ["LEASE_SECONDS", "SLOT_SECONDS", "Claim", "Correction", "Counters", "Exceeded", "Slot", "Taken"]

LEASE_SECONDS = 60.0
"""How long a slot is held that nobody gives back or renews: a killed gateway's slots are free again after that."""

SLOT_SECONDS = 1.0
"""When to ask again for a slot: nobody knows when one is given back."""


class Claim(NamedTuple):
    """`amount` of a limit. One of 0 takes nothing and fails once the limit is reached: a budget is asked like this.

    A name always goes with the same window, and begins with `{organisation}` in braces, which keeps all that is taken
    in one step in one slot of a cluster.
    """

    name: str
    window: Window
    limit: float
    amount: float


class Slot(NamedTuple):
    """One of `limit` requests at once."""

    name: str
    limit: int


class Correction(NamedTuple):
    """What was used beyond what was taken; below zero, what is given back."""

    name: str
    window: Window
    amount: float


class Exceeded(NamedTuple):
    """Nothing was taken, because of this claim. `used` is what others have of it, `seconds` when it could be taken.

    `seconds` is infinite where the claim is above its limit by itself, and a guess for a slot.
    """

    claim: Claim | Slot
    used: float
    seconds: float


class Taken(NamedTuple):
    """A receipt. `used` is what each claim's limit stood at afterwards, in the order of the claims; `at` is when.

    `place` tells one set of counters from another, since what was taken in one cannot be given back in another.
    """

    used: tuple[float, ...]
    at: float
    lease: str
    slots: tuple[str, ...]
    place: int = 0


class Counters(Protocol):
    """Times are seconds since 1970 by the caller's clock."""

    async def take(
        self, claims: Sequence[Claim], now: float, slots: Sequence[Slot] = (), lease: str = ""
    ) -> Taken | Exceeded:
        """Take all or nothing. No name comes twice; `lease` names the holder of the slots and is used once."""
        ...

    async def settle(self, taken: Taken, corrections: Sequence[Correction], now: float) -> None:
        """Give the slots back, and put right what was taken.

        What is given back goes where it was taken, if that window still counts; what is used on top counts now, beyond
        the limit if need be.
        """
        ...

    async def renew(self, held: Iterable[Taken], now: float) -> None:
        """Hold the slots for another LEASE_SECONDS; also those that had lapsed, since their requests still run."""
        ...

    async def close(self) -> None: ...
