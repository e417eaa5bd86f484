"""Openings of some people's conversations, taken from a log as it goes by: persistence measured on what was written."""

from collections.abc import Iterable
from itertools import islice

from stillhouse.range.people.persistence import Persistence, persistence
from stillhouse.range.wire import opening_of
from stillhouse.types import Exchange

__all__ = ["Openings"]

_PEOPLE = 600
_TALKS = 8


class Openings:
    """What the first few hundred of `accounts` begin their conversations with, eight of each at most."""

    def __init__(self, accounts: Iterable[str]) -> None:
        self._texts: dict[str, list[str]] = {account: [] for account in islice(accounts, _PEOPLE)}

    def see(self, exchange: Exchange) -> None:
        """Keep the exchange's first words if they begin a conversation of one of the people."""
        texts = self._texts.get(exchange.account)
        if texts is not None and len(texts) < _TALKS:
            opening = opening_of(exchange)
            # Asked twice is not said twice.
            if opening is not None and opening not in texts:
                texts.append(opening)

    def persistence(self) -> Persistence | None:
        """The figure, or None where fewer than ten people began several conversations."""
        several = {account: texts for account, texts in self._texts.items() if texts}
        enough = sum(len(texts) > 1 for texts in several.values()) >= 10
        return persistence(several) if enough else None
