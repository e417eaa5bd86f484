"""A model over HTTP: who it says it is, what it sends, how it draws, what it does with a wrong key."""

import asyncio
from pathlib import Path

import pytest

from stillhouse import __version__
from stillhouse.errors import CallError, ConfigError, EndpointError
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel
from stillhouse.records import ExchangeLog
from stillhouse.types import Completion, Sampler, Sampling
from tests.fault_server import Asked, FaultServer, Reply, chat_answer
from tests.models.asking import SAMPLING, answered, model, question

KEY = "sk-do-not-show-me"


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


def test_a_question_that_is_no_text_is_one_failed_call() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server) as asked:
            with pytest.raises(CallError, match="half of a character"):
                await asked.sample(question("\ud83d"), SAMPLING)
            assert server.asked == []

    asyncio.run(go())


def test_scores_of_a_text() -> None:
    def script(asked: Asked) -> Reply:
        first = 0 if asked.body.get("echo") else 2
        texts, values = ["The", " sea", " is"][first:], [None, -2.5, -0.75][first:]
        logprobs = {"tokens": texts, "token_logprobs": values}
        return Reply.json({"choices": [{"text": "".join(texts), "logprobs": logprobs, "finish_reason": "length"}]})

    async def go() -> None:
        async with FaultServer(script) as server, model(server, api="completions") as asked:
            assert [token.logprob for token in await asked.logprobs("The sea")] == [0.0, -2.5]
            assert [token.logprob for token in await asked.logprobs([11, 12])] == [0.0, -2.5]
            written = Completion(text=" is", logprobs=(-0.75,), finish_reason="length")
            assert await asked.sample(question("The sea"), SAMPLING) == [written]

    asyncio.run(go())


def test_an_endpoint_that_shows_no_logprobs_is_named() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server:
            async with model(server) as asked:
                with pytest.raises(EndpointError, match=r"set api to 'completions' if the server has it, else use a"):
                    await asked.logprobs("The sea")
            unscored = Reply.json({"choices": [{"text": " is", "finish_reason": "stop"}]})
            async with FaultServer(lambda asked: unscored) as other, model(other, api="completions") as asked:
                with pytest.raises(EndpointError, match="gives no log-probabilities of a given text; use a judge"):
                    await asked.logprobs("The sea")

    asyncio.run(go())


def test_no_answers_cannot_be_asked_for() -> None:
    async def go() -> None:
        async with FaultServer(answered) as server, model(server) as asked:
            for n in (0, -1):
                with pytest.raises(ValueError, match=rf"^n is {n}; at least one"):
                    await asked.sample(question("a"), SAMPLING, n=n)

    asyncio.run(go())
