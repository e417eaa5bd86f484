"""What calls have cost: computed in one place, added up in one place, held to a budget that cannot be overrun.

A try reserves the most that it could cost before it starts and settles for what it did cost when it is over, or for
that most where it may have been served and nobody tells (`billed.py`). So calls under way together never pass the
limit, and answers that are lost on the way do not either. The sum runs in the order of the log, so it equals, to the
last bit, what a later reader adds up from the log.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from stillhouse.errors import BudgetError
from stillhouse.models.endpoint import Budget, Prices
from stillhouse.types import Exchange

__all__ = ["Priced", "Purse", "Spending", "cost_usd", "money", "spending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Answered calls, and the tokens and the cost in US dollars of all that was billed, answers of no use too."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Read and written together."""
        return self.input_tokens + self.output_tokens

    def plus(self, exchange: Exchange) -> "Spending":
        """With one more exchange. One without usage was not served (`billed.py`) and adds no cost."""
        return Spending(
            calls=self.calls + (exchange.response is not None and "error" not in exchange.extra),
            input_tokens=self.input_tokens + exchange.usage.get("input_tokens", 0),
            output_tokens=self.output_tokens + exchange.usage.get("output_tokens", 0),
            usd=self.usd + float(exchange.extra.get("cost_usd", 0.0)),
        )


class Priced(Protocol):
    """Prices of a million tokens; `cached_input` None costs as `input`."""

    @property
    def input(self) -> float: ...

    @property
    def cached_input(self) -> float | None: ...

    @property
    def output(self) -> float: ...


def cost_usd(usage: Mapping[str, int], prices: Priced) -> float:
    """What one call with this usage costs. Input that the endpoint had in its own cache has its own price."""
    cached = usage.get("cached_input_tokens", 0)
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    fresh = usage.get("input_tokens", 0) - cached
    return (fresh * prices.input + cached * cached_price + usage.get("output_tokens", 0) * prices.output) / 1e6


def money(usd: float) -> str:
    """An amount as a person reads it: four decimals, and three digits that say something where those are too few."""
    if usd == 0 or usd >= 0.1:
        return f"{usd:,.4f}"
    return f"{usd:.{2 - math.floor(math.log10(usd))}f}"


def spending(log: Iterable[Exchange]) -> Spending:
    """The sum over a log: calls, tokens and money that a manifest states."""
    total = Spending()
    for exchange in log:
        total = total.plus(exchange)
    return total


class Purse:
    """A budget, and what calls under way may still take out of it.

    `spent` tells what was spent so far, earlier parts of the run included. `name` opens the message of a BudgetError.
    """

    def __init__(self, name: str, budget: Budget, prices: Prices, spent: Callable[[], Spending]) -> None:
        self._name = name
        self._spent = spent
        self._budget = budget
        self._prices = prices
        self._reserved: list[Mapping[str, int]] = []
        self._settled = asyncio.Condition()

    async def reserve(self, most: Mapping[str, int]) -> None:
        """Wait until a call of at most that usage fits beside the calls under way; BudgetError once it cannot."""
        async with self._settled:
            while self._over([*self._reserved, most]):
                if not self._reserved:
                    raise BudgetError(self._refusal(most))
                await self._settled.wait()
            self._reserved.append(most)

    async def settle(self, most: Mapping[str, int]) -> None:
        """Give a reservation back; what the call did cost counts as spent by then."""
        async with self._settled:
            self._reserved.remove(most)
            self._settled.notify_all()

    def _over(self, reserved: Iterable[Mapping[str, int]]) -> bool:
        held = list(reserved)
        spent = self._spent()
        tokens = spent.tokens + sum(_tokens(most) for most in held)
        usd = spent.usd + sum(cost_usd(most, self._prices) for most in held)
        limits = self._budget
        return (limits.tokens is not None and tokens > limits.tokens) or (limits.usd is not None and usd > limits.usd)

    def _refusal(self, most: Mapping[str, int]) -> str:
        spent, limits = self._spent(), self._budget
        if limits.tokens is not None and spent.tokens + _tokens(most) > limits.tokens:
            key, taken, limit, wanted = "tokens", f"{spent.tokens:,}", f"{limits.tokens:,}", f"{_tokens(most):,}"
        else:
            usd = cost_usd(most, self._prices)
            key, taken, limit, wanted = "usd", money(spent.usd), money(limits.usd or 0.0), money(usd)
        return (
            f"{self._name}: {spent.calls:,} calls took {taken} of budget.{key} {limit}, and the next could take "
            f"{wanted}; raise budget.{key} or ask for less; every answer so far is kept"
        )


def _tokens(usage: Mapping[str, int]) -> int:
    return usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
