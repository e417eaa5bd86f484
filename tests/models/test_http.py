"""A model over HTTP against a server that fails on command: every answer comes, every failure is counted."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stillhouse import __version__
from stillhouse.errors import BudgetError, CallError, ConfigError, EndpointError
from stillhouse.models.answer_cache import AnswerCache
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel
from stillhouse.models.spending import Spending, spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Completion, Message, Sampler, Sampling
from tests.fault_server import Asked, FaultServer, Reply, chat_answer, cut, reset, stall

ROOT = Path(__file__).resolve().parents[2]
SAMPLING = Sampling(max_tokens=8, temperature=0.0)
KEY = "sk-do-not-show-me"


def question(text: str | int) -> list[Message]:
    return [Message("user", str(text))]


def answered(asked: Asked) -> Reply:
    return Reply.json(chat_answer(f"answer to {asked.text}"))


def soon(asked: Asked) -> Reply:
    """An answer after a moment, so that calls overlap."""
    return Reply.json(chat_answer(f"answer to {asked.text}"), seconds=0.005)


def settings(server: FaultServer, **changes: Any) -> EndpointSettings:
    return EndpointSettings(base_url=server.url, **{"backoff": 0.001, **changes})


def model(server: FaultServer, folder: Path | None = None, **changes: Any) -> HttpModel:
    """A model whose settings are `changes`, with cache and log in `folder`."""
    arguments = {name: changes.pop(name) for name in ("sleep", "clock", "environ") if name in changes}
    return HttpModel(
        "served",
        settings(server, **changes),
        account="test",
        cache=None if folder is None else folder / "cache",
        log=None if folder is None else folder / "log.jsonl",
        random=Random(0),
        **{"environ": {}, **arguments},
    )


class Sleeps:
    """A sleep that takes no time and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def first_then(*replies: Reply) -> Callable[[Asked], Reply]:
    """The replies in turn, and then answers."""

    def script(asked: Asked) -> Reply:
        return replies[asked.number] if asked.number < len(replies) else answered(asked)

    return script


FAULTS: Mapping[str, Callable[[], Reply]] = {
    "reset": reset,
    "stall": stall,
    "429": lambda: Reply.json({"error": {"message": "slow down"}}, 429, "HTTP 429", {"Retry-After": "0"}),
    "500": lambda: Reply.json({"error": "oops"}, 500, "HTTP 500"),
    "truncated": lambda: cut(chat_answer("never read as a whole"), lengthy=False),
    "cut off": lambda: cut(chat_answer("never read as a whole"), lengthy=True),
}


async def ask_all(script: Callable[[Asked], Reply], count: int, folder: Path, **changes: Any) -> HttpModel:
    """Ask `count` questions at once and check every answer, the counts, and the log."""
    async with FaultServer(script) as server:
        async with model(server, folder, concurrency=16, **changes) as asked:
            found = await asyncio.gather(*(asked.sample(question(n), SAMPLING) for n in range(count)))
        assert [one.text for [one] in found] == [f"answer to {n}" for n in range(count)]
        assert asked.usage.errors == dict(server.injected)
        assert asked.usage.retries == sum(server.injected.values())
        assert len(server.asked) == count + asked.usage.retries
        assert 8 < server.most_at_once <= 16
    log = list(ExchangeLog(folder / "log.jsonl"))
    silent = server.injected["connection reset"] + server.injected["stall"]
    assert len(log) == len(server.asked) - silent
    assert spending(log).calls == asked.usage.calls == count
    return asked


@pytest.mark.parametrize("name", FAULTS)
def test_a_fifth_of_all_tries_fails(name: str, tmp_path: Path) -> None:
    chance = Random(1)

    def script(asked: Asked) -> Reply:
        return FAULTS[name]() if chance.random() < 0.2 else soon(asked)

    asked = asyncio.run(ask_all(script, 200, tmp_path, timeout=1.0, retries=12))
    assert sum(asked.usage.errors.values()) > 20


def test_every_kind_of_failure_meets_a_fifth_of_all_questions(tmp_path: Path) -> None:
    seen: set[str] = set()
    kinds = [FAULTS[name] for name in ("reset", "stall", "429", "500", "truncated")]

    def script(asked: Asked) -> Reply:
        if asked.text in seen:
            return soon(asked)
        seen.add(asked.text)
        return kinds[int(asked.text) % 5]()

    asked = asyncio.run(ask_all(script, 200, tmp_path, timeout=1.0))
    kinds_met = ("connection reset", "stall", "HTTP 429", "HTTP 500", "malformed body")
    assert asked.usage.errors == dict.fromkeys(kinds_met, 40)


def test_a_stall_is_cut_by_the_timeout_and_a_slow_answer_is_not() -> None:
    async def go() -> None:
        slow = Reply.json(chat_answer("late"), seconds=0.3)
        async with FaultServer(first_then(stall(), slow)) as server, model(server, timeout=1.0, retries=1) as asked:
            began = asyncio.get_running_loop().time()
            assert await asked.sample(question("a"), SAMPLING) == [Completion(text="late")]
            assert 1.2 < asyncio.get_running_loop().time() - began < 5.0
            assert asked.usage.errors == {"stall": 1}

    asyncio.run(go())


def test_retry_after_in_seconds_and_as_a_date() -> None:
    now = 1_800_000_000.0
    waits = ["7", formatdate(now + 30, usegmt=True), "soon"]
    replies = [Reply.json({}, 429, headers={"Retry-After": wait}) for wait in waits]

    async def go() -> list[float]:
        sleeps = Sleeps()
        async with (
            FaultServer(first_then(*replies)) as server,
            model(server, sleep=sleeps, clock=lambda: now, backoff=0.5) as asked,
        ):
            await asked.sample(question("a"), SAMPLING)
        return sleeps.seconds

    first, second, third = asyncio.run(go())
    assert 7.0 <= first <= 7.5 and 30.0 <= second <= 31.0 and 0.0 <= third <= 2.0


def test_a_wait_that_is_too_long_ends_the_work() -> None:
    async def go() -> None:
        busy = Reply.json({}, 503, headers={"Retry-After": "3600"})
        async with FaultServer(lambda asked: busy) as server, model(server, longest_wait=60.0) as asked:
            for _ in range(2):
                with pytest.raises(EndpointError, match=r"asks to wait 3,600 s, and longest_wait is 60 s; come back"):
                    await asked.sample(question("a"), SAMPLING)
            assert len(server.asked) == 1

    asyncio.run(go())


def test_a_wrong_key_is_named_and_asked_once(tmp_path: Path) -> None:
    async def go() -> None:
        def script(asked: Asked) -> Reply:
            return Reply.json({"error": {"message": f"Incorrect key:\n{KEY}"}}, 401)

        environ = {"SERVED_KEY": KEY + "\n"}
        async with (
            FaultServer(script) as server,
            model(server, tmp_path, key_env="SERVED_KEY", environ=environ, concurrency=1) as asked,
        ):
            found = await asyncio.gather(
                *(asked.sample(question(n), SAMPLING) for n in range(5)), return_exceptions=True
            )
            assert len(server.asked) == 1 and server.asked[0].headers["authorization"] == f"Bearer {KEY}"
            for error in found:
                assert type(error) is EndpointError
                assert str(error) == (
                    f"{server.url} (model 'served'): HTTP 401 (Incorrect key: [key]); the key came from the "
                    "environment variable 'SERVED_KEY': set it to one that may use this model"
                )
            assert KEY not in repr(vars(asked)) + repr(asked.usage)
        assert all(KEY not in file.read_text() for file in tmp_path.rglob("*") if file.is_file())
        [exchange] = ExchangeLog(tmp_path / "log.jsonl")
        assert (exchange.status, exchange.response) == (401, None)
        assert exchange.extra["error"] == {"kind": "HTTP 401", "message": "Incorrect key: [key]"}

    asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (400, CallError, "change the request"),
        (422, CallError, "change the request"),
        (401, EndpointError, "no key was sent: put the name of the variable that holds one under key_env"),
        (402, EndpointError, "pay the account up"),
        (404, EndpointError, "check the model's name"),
        (307, EndpointError, "give the address that it points to"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(status: int, error: type[EndpointError], remedy: str) -> None:
    async def go() -> None:
        async with FaultServer(lambda asked: Reply.json({"detail": "no"}, status)) as server, model(server) as asked:
            with pytest.raises(EndpointError, match=rf"HTTP {status} \(no\); {remedy}") as raised:
                await asked.sample(question("a"), SAMPLING)
            assert type(raised.value) is error and "\n" not in str(raised.value)
            assert len(server.asked) == 1 and asked.usage.errors == {f"HTTP {status}": 1}

    asyncio.run(go())


def test_a_call_that_fails_for_good_leaves_the_others_alone() -> None:
    def script(asked: Asked) -> Reply:
        if asked.text != "bad":
            return answered(asked)
        return reset() if asked.number % 2 else Reply.json({"error": "oops"}, 500)

    async def go() -> None:
        async with FaultServer(script) as server, model(server, retries=3, concurrency=1) as asked:
            with pytest.raises(CallError, match=r"no answer in 4 tries: HTTP 500 2x, connection reset 2x"):
                await asked.sample(question("bad"), SAMPLING)
            assert (await asked.sample(question("good"), SAMPLING))[0].text == "answer to good"

    asyncio.run(go())


def test_nobody_there_is_final() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

    async def go(url: str, kind: str) -> None:
        place = EndpointSettings(base_url=url, retries=2, backoff=0.001)
        async with HttpModel("served", place, account="test", cache=None, log=None, environ={}) as asked:
            with pytest.raises(EndpointError, match=rf"no answer in 3 tries: {kind} 3x") as raised:
                await asked.sample(question("a"), SAMPLING)
            assert not isinstance(raised.value, CallError)

    asyncio.run(go(url, "connection refused"))
    asyncio.run(go("http://nowhere.invalid/v1", "host not found"))


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_a_key_that_is_not_set(value: str | None) -> None:
    place = EndpointSettings(base_url="http://127.0.0.1:1/v1", key_env="SERVED_KEY")
    environ = {} if value is None else {"SERVED_KEY": value}
    with pytest.raises(ConfigError, match=r"^environment variable 'SERVED_KEY' \(key_env\) is not set; export it"):
        HttpModel("served", place, account="test", cache=None, log=None, environ=environ)


def test_a_key_that_is_none_is_not_shown() -> None:
    place = EndpointSettings(base_url="http://127.0.0.1:1/v1", key_env="SERVED_KEY")
    with pytest.raises(ConfigError, match="holds characters that no key has") as raised:
        HttpModel("served", place, account="test", cache=None, log=None, environ={"SERVED_KEY": "two words"})
    assert "two" not in str(raised.value)


def test_the_client_says_who_it_is(tmp_path: Path) -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server, tmp_path) as asked:
            assert isinstance(asked, Sampler) and asked.name == "served"
            await asked.sample(question("a"), SAMPLING)
            assert server.asked[0].headers["user-agent"] == f"stillhouse/{__version__} (+model distillation client)"
            assert server.asked[0].path == "/v1/chat/completions"

    asyncio.run(go())
    [exchange] = ExchangeLog(tmp_path / "log.jsonl")
    assert (exchange.account, exchange.model, exchange.api, exchange.status) == (
        "test",
        "served",
        "chat.completions",
        200,
    )
    assert exchange.request["messages"] == [{"role": "user", "content": "a"}]
    assert exchange.response == chat_answer("answer to a")
    assert exchange.usage == {"input_tokens": 10, "output_tokens": 5}
    assert exchange.id.startswith("ex_") and len(exchange.id) == 29 and exchange.latency_ms is not None


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


def test_two_readings_of_one_question_share_a_call(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        body = chat_answer("Four")
        body["choices"][0]["logprobs"] = {"content": [{"token": "Four", "logprob": -0.5, "top_logprobs": []}]}
        return Reply.json(body)

    async def go() -> None:
        shown = {"logprobs": True, "top_logprobs": 1}
        async with FaultServer(script) as server, model(server, tmp_path, extra=shown) as asked:
            [plain], (same, tokens) = await asyncio.gather(
                asked.sample(question("a"), SAMPLING), asked.sample_with_logprobs(question("a"), SAMPLING, top=1)
            )
            assert plain == same and [token.text for token in tokens] == ["Four"] and len(server.asked) == 1

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


def test_draws_in_one_call_and_in_several() -> None:
    def script(asked: Asked) -> Reply:
        body = chat_answer("one")
        body["choices"] = [{**body["choices"][0], "index": n} for n in range(asked.body.get("n", 1))]
        return Reply.json(body)

    async def go() -> None:
        async with FaultServer(script) as server:
            async with model(server) as asked:
                assert len(await asked.sample(question("a"), Sampling(seed=5), n=4)) == 4
            async with model(server, n_field=False) as asked:
                assert len(await asked.sample(question("a"), Sampling(seed=5), n=4)) == 4
        together, *single = [asked.body for asked in server.asked]
        assert (together["n"], together["seed"]) == (4, 5)
        assert len(single) == 4 and all("n" not in body for body in single)
        seeds = {body["seed"] for body in single}
        assert len(seeds) == 4 and 5 in seeds and not seeds & {4, 6}

    asyncio.run(go())


def test_a_server_that_ignores_n_is_named() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server) as asked:
            with pytest.raises(EndpointError, match=r"gave 1 of 4 answers in one call; set n_field to false$"):
                await asked.sample(question("a"), Sampling(), n=4)

    asyncio.run(go())


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


@pytest.mark.parametrize(
    "raw", [b"[1]", b'{"choices": [], "x": NaN}', b'{"choices": []}', b'{"a": "\\ud83d"}', b"\xff"]
)
def test_a_body_that_is_no_answer_is_asked_again(raw: bytes) -> None:
    async def go() -> None:
        async with FaultServer(first_then(Reply(raw))) as server, model(server) as asked:
            assert (await asked.sample(question("a"), SAMPLING))[0].text == "answer to a"
            assert asked.usage.errors == {"malformed body": 1}

    asyncio.run(go())


def test_a_question_that_is_no_text_is_one_failed_call() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server) as asked:
            with pytest.raises(CallError, match="half of a character"):
                await asked.sample(question("\ud83d"), SAMPLING)
            assert server.asked == []

    asyncio.run(go())


def test_scores_of_a_text_and_of_an_answer() -> None:
    def script(asked: Asked) -> Reply:
        first = 0 if asked.body.get("echo") else 2
        texts, values = ["The", " sea", " is"][first:], [None, -2.5, -0.75][first:]
        logprobs = {"tokens": texts, "token_logprobs": values}
        return Reply.json({"choices": [{"text": "".join(texts), "logprobs": logprobs, "finish_reason": "length"}]})

    async def go() -> None:
        async with FaultServer(script) as server, model(server, api="completions") as asked:
            assert [token.logprob for token in await asked.logprobs("The sea")] == [0.0, -2.5]
            assert [token.logprob for token in await asked.logprobs([11, 12])] == [0.0, -2.5]
            completion, tokens = await asked.sample_with_logprobs(question("The sea"), SAMPLING, top=1)
            assert completion == Completion(text=" is", logprobs=(-0.75,), finish_reason="length")
            assert [token.text for token in tokens] == [" is"]

    asyncio.run(go())


def test_an_endpoint_that_shows_no_logprobs_is_named() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server:
            async with model(server) as asked:
                with pytest.raises(EndpointError, match=r"set api to 'completions' if the server has it, else use a"):
                    await asked.logprobs("The sea")
                with pytest.raises(EndpointError, match="shows no log-probabilities; ask for scores in words instead"):
                    await asked.sample_with_logprobs(question("a"), SAMPLING, top=2)
            async with model(server, api="messages") as asked:
                with pytest.raises(EndpointError, match=r"api 'messages' shows no log-probabilities; set api to"):
                    await asked.sample_with_logprobs(question("a"), SAMPLING, top=2)
            unscored = Reply.json({"choices": [{"text": " is", "finish_reason": "stop"}]})
            async with FaultServer(lambda asked: unscored) as other, model(other, api="completions") as asked:
                with pytest.raises(EndpointError, match="gives no log-probabilities of a given text; use a judge"):
                    await asked.logprobs("The sea")

    asyncio.run(go())


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
