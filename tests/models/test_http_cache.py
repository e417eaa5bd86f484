"""An answer is paid for once: from the cache, by one call for two askers, over kills and leavings."""

import asyncio
import sys
from pathlib import Path

import pytest

from stillhouse.errors import EndpointError
from stillhouse.models.answer_cache import AnswerCache
from stillhouse.models.spending import Spending, spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Sampling
from tests.fault_server import Asked, FaultServer, Reply, chat_answer
from tests.models.asking import SAMPLING, answered, model, question, soon

ROOT = Path(__file__).resolve().parents[2]


def test_an_answer_is_paid_for_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with FaultServer(answered) as server:
            async with model(server, tmp_path) as asked:
                first = await asyncio.gather(*(asked.sample(question("a"), SAMPLING) for _ in range(10)))
                assert len(server.asked) == 1 and asked.usage.cache_hits == 9
            async with model(server, tmp_path) as again:
                assert await again.sample(question("a"), SAMPLING) == first[0]
                assert (again.usage.calls, again.usage.cache_hits) == (0, 1)
                await again.sample(question("b"), SAMPLING)
                await again.sample(question("a"), Sampling(max_tokens=8, temperature=0.0, seed=1))
                await again.sample(question("a"), SAMPLING, n=1)
            assert len(server.asked) == 3

    asyncio.run(go())


def test_without_a_cache_every_question_is_asked() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server) as asked:
            await asyncio.gather(*(asked.sample(question("a"), SAMPLING) for _ in range(3)))
            assert len(server.asked) == 3

    asyncio.run(go())


def test_a_damaged_entry_is_asked_again_and_mended(tmp_path: Path) -> None:
    async def go() -> None:
        async with FaultServer(answered) as server:
            async with model(server, tmp_path) as asked:
                await asked.sample(question("a"), SAMPLING)
            [entry] = (tmp_path / "cache").rglob("*.json")
            whole = entry.read_bytes()
            entry.write_bytes(whole[:-5])
            async with model(server, tmp_path) as asked:
                assert (await asked.sample(question("a"), SAMPLING))[0].text == "answer to a"
                assert asked.usage.cache_hits == 0 and asked.usage.damaged_entries == 1
            assert entry.read_bytes() == whole and len(server.asked) == 2

    asyncio.run(go())


def test_draws_where_the_api_has_no_field_for_them(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        block = {"type": "text", "text": f"draw {asked.number}"}
        usage = {"input_tokens": 3, "output_tokens": 2}
        return Reply.json({"content": [block], "stop_reason": "end_turn", "usage": usage})

    async def go() -> None:
        async with FaultServer(script) as server, model(server, tmp_path, api="messages", concurrency=1) as asked:
            first = await asked.sample(question("a"), Sampling(), n=3)
            assert [one.text for one in first] == ["draw 0", "draw 1", "draw 2"]
            assert await asked.sample(question("a"), Sampling(), n=3) == first
            assert await asked.sample(question("a"), Sampling(), n=2) == first[:2]
            other = await asked.sample(question("a"), Sampling(seed=1), n=1)
            assert other[0].text == "draw 3" and len(server.asked) == 4

    asyncio.run(go())


def test_calls_on_the_wire_are_finished_when_the_caller_leaves(tmp_path: Path) -> None:
    async def go() -> None:
        async with FaultServer(lambda asked: Reply.json(chat_answer("a"), seconds=0.2)) as server:
            async with model(server, tmp_path, concurrency=2) as asked:
                waiting = [asyncio.create_task(asked.sample(question(n), SAMPLING)) for n in range(5)]
                await asyncio.sleep(0.1)
                for task in waiting:
                    task.cancel()
            assert len(server.asked) == 2 and asked.usage.calls == 2
            async with model(server, tmp_path) as again:
                await again.sample(question(0), SAMPLING)
                assert again.usage.cache_hits == 1

    asyncio.run(go())


CLIENT = """
import asyncio, sys
from pathlib import Path
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel
from stillhouse.types import Message, Sampling
async def main():
    settings, folder = EndpointSettings(base_url=sys.argv[1], concurrency=4), Path(sys.argv[2])
    async with HttpModel(
        "served", settings, account="test", cache=folder / "cache", log=folder / "log.jsonl", environ={}
    ) as model:
        ask = lambda n: model.sample([Message("user", str(n))], Sampling(max_tokens=8))
        await asyncio.gather(*(ask(n) for n in range(60)))
asyncio.run(main())
"""


def test_killed_twice_it_asks_only_what_was_under_way_again(tmp_path: Path) -> None:
    async def go() -> tuple[int, list[str]]:
        answer = asyncio.Event()
        stops = [20, 40]

        def script(asked: Asked) -> Reply:
            if stops and len(server.asked) >= stops[0]:
                answer.set()
            return soon(asked)

        async with FaultServer(script) as server:
            for _ in (1, 2, 3):
                client = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", CLIENT, server.url, str(tmp_path), cwd=ROOT
                )
                if stops:
                    await answer.wait()
                    client.kill()
                    stops.pop(0)
                    answer.clear()
                code = await client.wait()
            assert code == 0
            return len(server.asked), [asked.text for asked in server.asked]

    count, texts = asyncio.run(go())
    assert set(texts) == {str(n) for n in range(60)} and 60 <= count <= 60 + 2 * 4
    kept = list(ExchangeLog(tmp_path / "log.jsonl"))
    assert {exchange.request["messages"][0]["content"] for exchange in kept} == set(texts)
    assert len({exchange.id for exchange in kept}) == len(kept) <= count


def test_half_a_line_left_by_a_kill_is_mended(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"

    async def go(text: str) -> None:
        async with FaultServer(answered) as server, model(server, tmp_path) as asked:
            await asked.sample(question(text), SAMPLING)

    asyncio.run(go("a"))
    line = log.read_text()
    log.write_text(line + line[: len(line) // 2])
    asyncio.run(go("b"))
    assert spending(ExchangeLog(log)) == Spending(calls=2, input_tokens=20, output_tokens=10, usd=0.0)


def test_a_hit_takes_less_than_a_millisecond(tmp_path: Path) -> None:
    async def go() -> float:
        async with FaultServer(answered) as server, model(server, tmp_path) as asked:
            await asked.sample(question("a" * 2000), SAMPLING)
            clock, taken = asyncio.get_running_loop().time, []
            for _ in range(101):
                began = clock()
                await asked.sample(question("a" * 2000), SAMPLING)
                taken.append(clock() - began)
            return sorted(taken)[50]

    assert asyncio.run(go()) < 0.001


def test_cache_entries_are_the_bodies_that_came(tmp_path: Path) -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server, tmp_path) as asked:
            await asked.sample(question("a"), SAMPLING)

    asyncio.run(go())
    [entry] = (tmp_path / "cache").rglob("*.json")
    assert AnswerCache(tmp_path / "cache").get(entry.stem) == chat_answer("answer to a")


def test_an_answer_that_lacks_what_was_asked_is_billed_and_not_kept(tmp_path: Path) -> None:
    replies = [chat_answer("one"), chat_answer("one")]
    replies[1]["choices"] *= 2
    unscored = {"choices": [{"text": " is", "finish_reason": "stop"}]}
    echoed = {"choices": [{"text": "The is", "logprobs": {"tokens": ["The", " is"], "token_logprobs": [None, -1]}}]}

    async def go() -> None:
        async with (
            FaultServer(lambda asked: Reply.json(replies[asked.number])) as server,
            model(server, tmp_path) as asked,
        ):
            with pytest.raises(EndpointError, match="gave 1 of 2 answers"):
                await asked.sample(question("a"), SAMPLING, n=2)
            assert asked.usage.errors == {"unusable answer": 1} and asked.usage.output_tokens == 5
            assert len(await asked.sample(question("a"), SAMPLING, n=2)) == 2
        bodies = [unscored, echoed]
        async with (
            FaultServer(lambda asked: Reply.json(bodies[asked.number])) as server,
            model(server, tmp_path / "other", api="completions") as asked,
        ):
            with pytest.raises(EndpointError, match="gives no log-probabilities of a given text"):
                await asked.logprobs("The")
            assert [token.text for token in await asked.logprobs("The")] == ["The"]

    asyncio.run(go())


def test_an_unusable_answer_in_the_cache_is_asked_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with FaultServer(answered) as server:
            async with model(server, tmp_path) as asked:
                await asked.sample(question("a"), SAMPLING)
            [entry] = (tmp_path / "cache").rglob("*.json")
            AnswerCache(tmp_path / "cache").put(entry.stem, {"choices": []})
            async with model(server, tmp_path) as asked:
                assert (await asked.sample(question("a"), SAMPLING))[0].text == "answer to a"
                assert (asked.usage.cache_hits, asked.usage.damaged_entries) == (0, 1)

    asyncio.run(go())
