"""Tokens and money: limits that calls under way together cannot pass, sums that equal those of the log."""

import asyncio
import json
from pathlib import Path

import pytest

from stillhouse.errors import BudgetError, CallError
from stillhouse.models.spending import spending
from stillhouse.records import ExchangeLog
from tests.fault_server import Asked, FaultServer, Reply, chat_answer, cut, reset, stall
from tests.models.asking import SAMPLING, answered, model, question


def test_the_budget_of_tokens_is_never_overrun(tmp_path: Path) -> None:
    """15 tokens a call; 16 callers at once; a call of this size reserves its bytes and 8."""

    async def go(limit: int) -> tuple[int, int]:
        async with FaultServer(answered) as server:
            async with model(server, tmp_path, budget={"tokens": limit}, concurrency=16) as asked:
                found = await asyncio.gather(
                    *(asked.sample(question(n), SAMPLING) for n in range(100)), return_exceptions=True
                )
            errors = [one for one in found if isinstance(one, BaseException)]
            assert errors and all(isinstance(error, BudgetError) for error in errors)
            assert "raise budget.tokens or ask for less; every answer so far is kept" in str(errors[-1])
            assert len(found) - len(errors) == len(server.asked)
            return len(server.asked), spending(ExchangeLog(tmp_path / "log.jsonl")).tokens

    calls, spent = asyncio.run(go(600))
    # A body of this question is 104 or 105 bytes, so the last call that fits begins at 600 - 113 or below.
    assert spent == 15 * calls and 600 - 113 < spent <= 600
    # A second part of the run finds the budget as the first one left it.
    assert asyncio.run(go(600)) == (0, spent)


def test_the_budget_of_money_counts_reservations() -> None:
    async def go() -> None:
        # 8 tokens of at most 1 USD each: two calls at once fit into 20, and settle for 5 each.
        prices, budget = {"output": 1e6}, {"usd": 20.0}
        async with FaultServer(lambda asked: Reply.json(chat_answer("a"), seconds=0.02)) as server:
            async with model(server, prices=prices, budget=budget, concurrency=8) as asked:
                found = await asyncio.gather(
                    *(asked.sample(question(n), SAMPLING) for n in range(8)), return_exceptions=True
                )
            refused = [one for one in found if isinstance(one, BudgetError)]
            assert server.most_at_once == 2 and len(server.asked) == 3 and len(refused) == 5
            assert asked.usage.usd == 15.0
            assert str(refused[0]) == (
                f"{server.url} (model 'served'): 3 calls took 15.0000 of budget.usd 20.0000, and the next could take "
                "8.0000; raise budget.usd or ask for less; every answer so far is kept"
            )

    asyncio.run(go())


def test_an_answer_that_does_not_tell_its_usage_counts_as_the_most_it_could_be(tmp_path: Path) -> None:
    async def go() -> None:
        body = chat_answer("a")
        del body["usage"]
        async with FaultServer(lambda asked: Reply.json(body)) as server, model(server, tmp_path) as asked:
            await asked.sample(question("a"), SAMPLING)
            sent = len(json.dumps(server.asked[0].body, ensure_ascii=False))
            assert (asked.usage.input_tokens, asked.usage.output_tokens) == (sent, 8)

    asyncio.run(go())


@pytest.mark.parametrize(
    "lost",
    [
        reset(),
        stall(),
        Reply(b"", 504),
        Reply.json({"choices": [{"message": 5}]}),
        cut(chat_answer("never read"), lengthy=False),
        cut(chat_answer("never read"), lengthy=True),
    ],
    ids=["reset", "stall", "gateway", "malformed", "truncated", "cut off"],
)
def test_answers_that_are_lost_take_from_the_budget(lost: Reply, tmp_path: Path) -> None:
    """A question of 104 bytes and 8 tokens: each try may have taken 112, so two fit into 300 and a third does not."""

    async def go() -> None:
        async with FaultServer(lambda asked: lost) as server:
            async with model(server, tmp_path, budget={"tokens": 300}, timeout=0.3, prices={"output": 1.0}) as asked:
                with pytest.raises(BudgetError, match=r"0 calls took 224 of budget\.tokens 300"):
                    await asked.sample(question(1), SAMPLING)
            assert len(server.asked) == 2 and len(json.dumps(server.asked[0].body)) == 104

    asyncio.run(go())
    log = list(ExchangeLog(tmp_path / "log.jsonl"))
    assert [exchange.usage for exchange in log] == [{"input_tokens": 104, "output_tokens": 8}] * 2
    assert all(exchange.extra["usage_estimated"] is True for exchange in log)
    assert spending(log).usd == 2 * 8e-6


def test_what_was_not_served_takes_nothing_from_the_budget() -> None:
    async def go() -> None:
        busy = Reply.json({"error": "busy"}, 503)
        async with FaultServer(lambda asked: busy) as server, model(server, budget={"tokens": 300}) as asked:
            with pytest.raises(CallError, match="no answer in 6 tries: HTTP 503 6x"):
                await asked.sample(question(1), SAMPLING)
            assert (asked.usage.input_tokens, asked.usage.output_tokens) == (0, 0)

    asyncio.run(go())


def test_cost_is_the_same_to_the_last_bit_here_and_in_the_log(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        return Reply.json(chat_answer("a", read=asked.number * 7 + 1, written=asked.number))

    async def go() -> float:
        async with (
            FaultServer(script) as server,
            model(server, tmp_path, prices={"input": 0.1, "output": 0.3}) as asked,
        ):
            await asyncio.gather(*(asked.sample(question(n), SAMPLING) for n in range(50)))
        return asked.usage.usd

    usd = asyncio.run(go())
    assert usd == spending(ExchangeLog(tmp_path / "log.jsonl")).usd > 0


def test_answers_of_no_use_are_billed_and_kept(tmp_path: Path) -> None:
    """15 tokens each, at most 113: after five of them the next try could pass 180."""
    useless = chat_answer("a")
    useless["choices"] = [{"message": 5}]

    async def go() -> None:
        async with FaultServer(lambda asked: Reply.json(useless)) as server:
            async with model(server, tmp_path, budget={"tokens": 180}, retries=20, prices={"output": 1e6}) as asked:
                with pytest.raises(BudgetError, match=r"0 calls took 75 of budget\.tokens 180"):
                    await asked.sample(question(1), SAMPLING)
            assert len(server.asked) == 5 and asked.usage.calls == 0
            assert (asked.usage.input_tokens, asked.usage.output_tokens, asked.usage.usd) == (50, 25, 25.0)

    asyncio.run(go())
    log = list(ExchangeLog(tmp_path / "log.jsonl"))
    assert [exchange.response for exchange in log] == [useless] * 5
    assert all(exchange.extra["error"]["kind"] == "malformed body" for exchange in log)
    assert spending(log).tokens == 75 and spending(log).usd == 25.0


def test_every_cap_and_every_answer_is_reserved() -> None:
    async def go() -> None:
        extra = {"max_completion_tokens": 40, "best_of": 3}
        async with FaultServer(answered) as server, model(server, extra=extra, budget={"tokens": 200}) as asked:
            with pytest.raises(BudgetError, match=r"the next could take 2\d\d;"):
                await asked.sample(question("a"), SAMPLING)
            assert server.asked == []

    asyncio.run(go())
