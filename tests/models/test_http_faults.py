"""Whatever a server does on the way, every answer comes and every failure is counted under its own word."""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stillhouse.errors import CallError, EndpointError
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.error_table import failed_tries
from stillhouse.models.http import HttpModel
from stillhouse.models.spending import spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Completion
from tests.fault_server import Asked, FaultServer, Reply, chat_answer, cut, reset, stall
from tests.models.asking import SAMPLING, answered, first_then, model, question, soon


class Sleeps:
    """A sleep that takes no time and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


PRICES = {"input": 0.1, "output": 0.3}
WHOLE = json.dumps(chat_answer("a")).encode()
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
        async with model(server, folder, concurrency=16, prices=PRICES, **changes) as asked:
            found = await asyncio.gather(*(asked.sample(question(n), SAMPLING) for n in range(count)))
        assert [one.text for [one] in found] == [f"answer to {n}" for n in range(count)]
        assert asked.usage.errors == dict(server.injected)
        assert asked.usage.retries == sum(server.injected.values())
        assert len(server.asked) == count + asked.usage.retries
        assert 8 < server.most_at_once <= 16
    log = list(ExchangeLog(folder / "log.jsonl"))
    assert len(log) == len(server.asked)
    assert failed_tries(log) == server.injected
    silent = [exchange for exchange in log if exchange.status == 0]
    assert len(silent) == server.injected["connection reset"] + server.injected["stall"]
    assert all(exchange.response is None for exchange in silent)
    lost = [exchange for exchange in log if exchange.extra.get("usage_estimated")]
    assert len(lost) == sum(server.injected[kind] for kind in ("connection reset", "stall", "malformed body"))
    # An answer tells 10 + 5 tokens; a lost one may have been as long as its request has bytes, and its cap of 8.
    read = sum(len(json.dumps(exchange.request, ensure_ascii=False).encode()) for exchange in lost)
    assert spending(log).input_tokens == asked.usage.input_tokens == 10 * count + read
    assert spending(log).output_tokens == asked.usage.output_tokens == 5 * count + 8 * len(lost)
    assert spending(log).usd == asked.usage.usd > 0
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


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (400, CallError, "change the request"),
        (422, CallError, "change the request"),
        (401, EndpointError, "no key was sent: put the name of the variable that holds one under key_env"),
        (403, EndpointError, "no key was sent"),
        (402, EndpointError, "pay the account up"),
        (404, EndpointError, "check the model's name"),
        (501, EndpointError, "check the model's name"),
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


def flagged(asked: Asked) -> Reply:
    """A content filter: what begins with `bad` is forbidden."""
    return Reply.json({"error": "flagged"}, 403) if asked.text.startswith("bad") else answered(asked)


def test_one_question_that_is_forbidden_leaves_the_others_alone(tmp_path: Path) -> None:
    async def go(*questions: str) -> None:
        async with FaultServer(flagged) as server, model(server, tmp_path) as asked:
            for text in questions:
                if text == "bad":
                    with pytest.raises(CallError, match=r"HTTP 403 \(flagged\); other questions were answered"):
                        await asked.sample(question(text), SAMPLING)
                else:
                    assert (await asked.sample(question(text), SAMPLING))[0].text == f"answer to {text}"

    asyncio.run(go("first", "bad", "second"))
    # A part that goes on begins with what is left to ask: the log has answers, this process has none.
    asyncio.run(go("bad", "third"))


def test_a_key_that_is_forbidden_again_and_again_is_final() -> None:
    """Twenty in a row, without an answer between them."""

    async def go() -> None:
        async with FaultServer(flagged) as server, model(server) as asked:
            for run in range(2):
                await asked.sample(question(f"good {run}"), SAMPLING)
                for number in range(19):
                    with pytest.raises(CallError):
                        await asked.sample(question(f"bad {number}"), SAMPLING)
            for text in ("bad", "good"):
                with pytest.raises(EndpointError, match=r"HTTP 403 \(flagged\); no key was sent") as raised:
                    await asked.sample(question(text), SAMPLING)
                assert not isinstance(raised.value, CallError)
            assert len(server.asked) == 2 * 20 + 1

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


@pytest.mark.parametrize(
    "raw",
    [
        b"[1]",
        b'{"choices": [], "x": NaN}',
        WHOLE[:-1] + b', "x": 1e999}',
        WHOLE[:-1] + b', "x": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"a":' * 100_000,
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"a": "\\ud83d"}',
        b"\xff",
    ],
)
def test_a_body_that_is_no_answer_is_asked_again(raw: bytes) -> None:
    async def go() -> None:
        async with FaultServer(first_then(Reply(raw))) as server, model(server) as asked:
            assert (await asked.sample(question("a"), SAMPLING))[0].text == "answer to a"
            assert asked.usage.errors == {"malformed body": 1}

    asyncio.run(go())


def test_a_count_that_is_none_is_not_told(tmp_path: Path) -> None:
    body = chat_answer("a")
    body["usage"]["prompt_tokens"] = 10**400

    async def go() -> None:
        async with (
            FaultServer(lambda asked: Reply.json(body)) as server,
            model(server, tmp_path, prices={"input": 1.0}, budget={"usd": 1.0}) as asked,
        ):
            assert (await asked.sample(question("a"), SAMPLING))[0].text == "a"
            assert asked.usage.output_tokens == 8

    asyncio.run(go())


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        ("server_error", CallError, r"failed answer \(.*server_error.*it broke.*\); change the question, or ask it"),
        ("insufficient_quota", EndpointError, r"quota used up \(.*it broke.*\); pay the account up"),
    ],
)
def test_an_answer_that_says_it_failed_is_final(
    code: str, error: type[EndpointError], line: str, tmp_path: Path
) -> None:
    usage = {"input_tokens": 9, "output_tokens": 2}
    body = {"status": "failed", "error": {"code": code, "message": "it\nbroke"}, "output": [], "usage": usage}

    async def go() -> None:
        async with (
            FaultServer(lambda asked: Reply.json(body)) as server,
            model(server, tmp_path, api="responses") as asked,
        ):
            with pytest.raises(EndpointError, match=line.replace("it broke", r"it\\nbroke")) as raised:
                await asked.sample(question("a"), SAMPLING)
            assert type(raised.value) is error and "\n" not in str(raised.value)
            assert len(server.asked) == 1 and (asked.usage.calls, asked.usage.input_tokens) == (0, 9)

    asyncio.run(go())
    assert not list((tmp_path / "cache").rglob("*.json"))
