"""The same client against two servers of real weights, in every API that each of them speaks."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from stillhouse.errors import CallError, EndpointError
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel
from stillhouse.models.local import load_model, load_tokenizer
from stillhouse.models.spending import spending
from stillhouse.records import ExchangeLog
from stillhouse.types import Message, Sampling
from tests.servers import llama_server, packaged_gguf, transformers_server

T = TypeVar("T")

ASK = [Message("user", "What is the capital of France?")]
TEXT = [Message("user", "The capital of France is")]
GREEDY = Sampling(max_tokens=12, temperature=0.0)
KEY = "the-key-of-the-tests"


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    with llama_server(packaged_gguf(), key=KEY) as url:
        yield url


@pytest.fixture(scope="module")
def serve(bundled_folder: Path) -> Iterator[str]:
    with transformers_server(bundled_folder) as url:
        yield url


def asked(
    url: str, do: Callable[[HttpModel], Awaitable[T]], folder: Path | None = None, name: str = "smol", **changes: Any
) -> T:
    async def go() -> T:
        place = EndpointSettings(base_url=url, **{"key_env": "KEY", "retries": 0, **changes})
        cache, log = (None, None) if folder is None else (folder / "cache", folder / "log.jsonl")
        async with HttpModel(name, place, account="test", cache=cache, log=log, environ={"KEY": KEY}) as model:
            return await do(model)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("api", "question", "cap"),
    [("chat.completions", ASK, 3), ("completions", TEXT, 3), ("responses", ASK, 3), ("messages", ASK, 3)],
)
def test_llama_speaks_four_apis(llama: str, tmp_path: Path, api: str, question: list[Message], cap: int) -> None:
    sampling = Sampling(max_tokens=cap, temperature=0.0)
    [first] = asked(llama, lambda model: model.sample(question, sampling), tmp_path, api=api)
    assert first.text.strip() and first.finish_reason == "length"
    [again] = asked(llama, lambda model: model.sample(question, sampling), tmp_path, api=api)
    assert again == first
    [exchange] = ExchangeLog(tmp_path / "log.jsonl")
    assert exchange.api == api and spending([exchange]).output_tokens == cap and exchange.usage["input_tokens"] > 4


def test_llama_draws_several_at_once(llama: str) -> None:
    found = asked(llama, lambda model: model.sample(ASK, Sampling(max_tokens=24, seed=1), n=4))
    assert len(found) == 4 and len({one.text for one in found}) > 1


def test_llama_draws_the_same_from_a_seed(llama: str) -> None:
    def draw(seed: int) -> str:
        sampling = Sampling(max_tokens=24, seed=seed)
        return asked(llama, lambda model: model.sample(ASK, sampling), n_field=False)[0].text

    assert draw(7) == draw(7)
    assert len({draw(seed) for seed in range(1, 7)}) > 1


def test_llama_keeps_to_a_schema(llama: str) -> None:
    properties = {"score": {"type": "integer", "minimum": 1, "maximum": 5}}
    schema = {"type": "object", "properties": properties, "required": ["score"], "additionalProperties": False}
    sampling = Sampling(max_tokens=64, temperature=0.0, schema=schema)
    [answer] = asked(llama, lambda model: model.sample(ASK, sampling))
    assert set(json.loads(answer.text)) == {"score"} and 1 <= json.loads(answer.text)["score"] <= 5


def test_llama_shows_the_probabilities_that_the_weights_give(llama: str, bundled_folder: Path) -> None:
    """Activations have 8 bits there and 32 here, so the two agree to about a tenth of a nat."""
    tokenizer, weights = load_tokenizer(str(bundled_folder)), load_model(str(bundled_folder))
    shown = {"logprobs": 3}
    [completion] = asked(llama, lambda model: model.sample(TEXT, GREEDY), api="completions", extra=shown)
    assert completion.text.startswith(" Paris") and len(completion.tokens) == len(completion.logprobs) > 0
    ids: Any = tokenizer(TEXT[0].content, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        here = weights(ids).logits[0, -1].log_softmax(-1)
    assert tokenizer.decode(completion.tokens[0]) == " Paris"
    assert completion.logprobs[0] == pytest.approx(float(here[completion.tokens[0]]), abs=0.25)
    [chat] = asked(llama, lambda model: model.sample(ASK, GREEDY), extra={"logprobs": True})
    assert chat.logprobs and all(logprob <= 0 for logprob in chat.logprobs)


def test_llama_gives_no_probabilities_of_a_given_text(llama: str) -> None:
    with pytest.raises(EndpointError, match="gives no log-probabilities of a given text; use a judge"):
        asked(llama, lambda model: model.logprobs("The capital of France is"), api="completions")


def test_llama_refuses_a_wrong_key_by_name(llama: str) -> None:
    with pytest.raises(EndpointError, match=r"HTTP 401 .* no key was sent: put the name of the variable") as raised:
        asked(llama, lambda model: model.sample(ASK, GREEDY), key_env=None)
    assert not isinstance(raised.value, CallError)


def test_llama_refuses_a_question_that_is_too_long(llama: str) -> None:
    with pytest.raises(CallError, match=r"HTTP 400 \(.*context size.*\); change the request"):
        asked(llama, lambda model: model.sample([Message("user", "word " * 9000)], GREEDY))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("api", "question", "answer"),
    [
        ("chat.completions", ASK, "The capital of France is Paris."),
        ("completions", TEXT, " Paris"),
        ("responses", ASK, "The capital of France is Paris."),
    ],
)
def test_transformers_speaks_three_apis(
    serve: str, bundled_folder: Path, tmp_path: Path, api: str, question: list[Message], answer: str
) -> None:
    name = str(bundled_folder)
    found = asked(serve, lambda model: model.sample(question, GREEDY, n=2), tmp_path, name, api=api, n_field=False)
    assert len(found) == 2 and found[0].text.startswith(answer) and found[0] == found[1]
    log = list(ExchangeLog(tmp_path / "log.jsonl"))
    assert len(log) == 2 and spending(log).input_tokens > 8 and spending(log).output_tokens > 8


@pytest.mark.slow
def test_transformers_lacks_are_named(serve: str, bundled_folder: Path) -> None:
    name = str(bundled_folder)
    with pytest.raises(EndpointError, match=r"gave 1 of 2 answers in one call; set n_field to false"):
        asked(serve, lambda model: model.sample(ASK, GREEDY, n=2), name=name)
    with pytest.raises(EndpointError, match="gives no log-probabilities of a given text"):
        asked(serve, lambda model: model.logprobs("The sea"), name=name, api="completions")
    with pytest.raises(EndpointError, match=r"HTTP 404 .*; check the model's name"):
        asked(serve, lambda model: model.sample(ASK, GREEDY), name=name, api="messages")
    with pytest.raises(CallError, match=r"HTTP 400 \(.*no-such-model"):
        asked(serve, lambda model: model.sample(ASK, GREEDY), name="no-such-model")
