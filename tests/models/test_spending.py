"""Money out of tokens, sums out of logs, and a purse that cannot be overdrawn."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from stillhouse.errors import BudgetError
from stillhouse.models.endpoint import Budget, Prices
from stillhouse.models.spending import Purse, Spending, cost_usd, money, spending
from stillhouse.types import Exchange


def exchange(usage: Mapping[str, int], cost: float | None = None, response: Any = {}) -> Exchange:  # noqa: B006
    return Exchange(
        id="ex_1",
        time="2026-07-24T08:15:30Z",
        account="a",
        model="m",
        api="messages",
        request={},
        response=response,
        usage=usage,
        extra={} if cost is None else {"cost_usd": cost},
    )


def test_cost() -> None:
    prices = Prices(input=3.0, output=15.0)
    assert cost_usd({"input_tokens": 2000, "output_tokens": 400}, prices) == pytest.approx(0.006 + 0.006, abs=1e-15)
    assert cost_usd({}, prices) == 0.0
    usage = {"input_tokens": 2000, "cached_input_tokens": 1500, "output_tokens": 0}
    assert cost_usd(usage, prices) == pytest.approx(0.006, abs=1e-15)
    dear = prices.model_copy(update={"cached_input": 0.3})
    assert cost_usd(usage, dear) == pytest.approx(500 * 3e-6 + 1500 * 0.3e-6, abs=1e-15)


def test_the_sum_over_a_log_counts_what_may_be_billed_and_no_call_that_got_no_answer() -> None:
    log = [
        exchange({"input_tokens": 10, "output_tokens": 5}, 0.5),
        exchange({}, response=None),
        exchange({"input_tokens": 3, "output_tokens": 8}, 0.125, response=None),
        exchange({"input_tokens": 1, "output_tokens": 2, "cached_input_tokens": 1}, 0.25),
        exchange({"input_tokens": 4, "output_tokens": 0}),
    ]
    assert spending(log) == Spending(calls=3, input_tokens=18, output_tokens=15, usd=0.875)
    assert spending(log).tokens == 33
    assert spending([]) == Spending()


def test_a_purse_without_a_limit_lets_everything_through() -> None:
    """A hundred calls of a thousand million tokens are under way at once; none waits for another."""
    most = {"input_tokens": 10**9, "output_tokens": 10**9}

    async def go() -> int:
        purse, begun = Purse("host", Budget(), Prices(input=1.0), Spending), 0
        for _ in range(100):
            await asyncio.wait_for(purse.reserve(most), timeout=1.0)
            begun += 1
        return begun

    assert asyncio.run(go()) == 100


def test_a_call_waits_for_those_under_way_and_takes_what_they_left() -> None:
    async def go() -> None:
        spent = [Spending()]
        purse = Purse("host", Budget(tokens=100), Prices(), lambda: spent[0])
        large, small = {"input_tokens": 50, "output_tokens": 10}, {"input_tokens": 30, "output_tokens": 10}
        await purse.reserve(large)
        await purse.reserve(small)
        third = asyncio.create_task(purse.reserve(large))
        await asyncio.sleep(0)
        assert not third.done()
        spent[0] = Spending(calls=1, input_tokens=20)
        await purse.settle(large)
        await asyncio.sleep(0.01)
        assert not third.done()
        spent[0] = Spending(calls=2, input_tokens=40)
        await purse.settle(small)
        await third
        await purse.settle(large)
        with pytest.raises(
            BudgetError, match=r"^host: 2 calls took 40 of budget\.tokens 100, and the next could take 61;"
        ):
            await purse.reserve({"input_tokens": 61})

    asyncio.run(go())


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0.0, "0.0000"), (15.0, "15.0000"), (1234.5, "1,234.5000"), (0.00344, "0.00344"), (0.00001, "0.0000100")],
)
def test_money_shows_digits_that_say_something(usd: float, text: str) -> None:
    assert money(usd) == text
