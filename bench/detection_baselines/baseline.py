"""What every baseline does: learn from honest traffic, then flag accounts while it reads a log in time order.

One protocol for all of them, so that a comparison treats each alike and none can look into the future unseen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.times import epoch_ms
from stillhouse.types import Exchange

__all__ = ["Baseline", "Flag", "flag_after", "moment"]


@dataclass(frozen=True, slots=True)
class Flag:
    """An account is taken for a distiller at `time`, after the exchange `after_exchange`."""

    account: str
    time: str
    after_exchange: str
    because: str


class Baseline(Protocol):
    """A way of finding distillation. `name` is that of its row in a table, its settings included."""

    @property
    def name(self) -> str: ...

    def fit(self, honest: Iterable[Exchange]) -> None:
        """Calibrate on honest traffic alone, read at most once. Raises ConfigError where it says too little."""
        ...

    def flag(self, log: Iterable[Exchange]) -> Iterator[Flag]:
        """The first flag of each account, from a log in time order; nothing later than its own moment enters it."""
        ...


def flag_after(exchange: Exchange, because: str, account: str | None = None) -> Flag:
    """The flag that follows from this exchange, of its own account unless another is named."""
    return Flag(exchange.account if account is None else account, exchange.time, exchange.id, because)


def moment(exchange: Exchange) -> int:
    """When it was, in milliseconds since 1970. Raises RecordError where its time is none."""
    found = epoch_ms(exchange.time)
    if found is None:
        raise RecordError(
            f"exchange {exchange.id}: time {exchange.time!r} is no time between 2000 and 2099; mend the log"
        )
    return found
