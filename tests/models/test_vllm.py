"""Ids and log-probabilities that come back over HTTP are the model's own, and faults are one line each."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.errors import EndpointError
from stillhouse.models.endpoint import ConnectionSettings
from stillhouse.models.vllm import VllmServer
from stillhouse.types import Sampling
from tests.conftest import TinyLlama
from tests.models.vllm_server import TinyVllm, serve

PROMPTS = [[5, 9, 30, 7], [11, 12], [40, 41, 42, 43, 44, 45]]
ENDS = frozenset({2, 250})


@pytest.fixture
def served(tiny_llama: TinyLlama) -> Iterator[TinyVllm]:
    with serve(TinyVllm(tiny_llama(2, vocab=300, seed=3))) as running:
        yield running


def client(served: TinyVllm, name: str = "tiny", waits: list[float] | None = None, **settings: object) -> VllmServer:
    async def no_wait(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    given = {"base_url": served.base_url, "key_env": "KEY", **settings}
    return VllmServer(name, ConnectionSettings.model_validate(given), environ={"KEY": "s3cret"}, sleep=no_wait)


def test_answers_are_ids_with_the_models_own_log_probabilities(served: TinyVllm) -> None:
    sampling = Sampling(max_tokens=12, temperature=1.0)
    answers = client(served).write(PROMPTS, sampling, ends=ENDS, seeds=[1, 2, 3])
    assert len(answers) == 3 and {a.finish_reason for a in answers} <= {"stop", "length"}
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        logp = served.logp([*prompt, *answer.tokens])
        own = [float(logp[len(prompt) - 1 + i, token]) for i, token in enumerate(answer.tokens)]
        assert answer.logprobs == pytest.approx(own, abs=1e-5)
        assert (answer.finish_reason == "stop") == (answer.tokens[-1] in ENDS)
        assert not ENDS.intersection(answer.tokens[:-1])
    again = client(served).write(PROMPTS[:1], sampling, ends=ENDS, seeds=[1])
    other = client(served).write(PROMPTS[:1], sampling, ends=ENDS, seeds=[4])
    assert again == answers[:1] and other != answers[:1]


def test_nothing_of_the_servers_defaults_shapes_a_draw(served: TinyVllm) -> None:
    client(served, extra={"cache_salt": "a"}).write(
        PROMPTS[:1], Sampling(max_tokens=3, temperature=0.7, top_p=0.9), ends=ENDS, seeds=[7]
    )
    ((path, body, headers),) = served.requests
    assert path == "/v1/completions" and headers["Authorization"] == "Bearer s3cret"
    assert "distillation client" in headers["User-Agent"]
    assert body == {
        "model": "tiny",
        "prompt": PROMPTS[0],
        "max_tokens": 3,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": 7,
        "stop_token_ids": [2, 250],
        "skip_special_tokens": False,
        "logprobs": 0,
        "return_token_ids": True,
        "cache_salt": "a",
    }


@pytest.mark.parametrize("k", [1, 4])
def test_scores_are_the_models_own(served: TinyVllm, k: int) -> None:
    texts, starts = [[*PROMPTS[0], 8, 0, 299], [*PROMPTS[1], 17]], [4, 2]
    for text, start, rows in zip(texts, starts, client(served).score(texts, starts, k), strict=True):
        logp = served.logp(text)[start - 1 : -1]
        assert len(rows) == len(text) - start
        for row, expected, token in zip(rows, logp, text[start:], strict=True):
            likeliest = expected.topk(k)
            assert row.tokens == tuple(likeliest.indices.tolist())
            assert row.logprobs == pytest.approx(likeliest.values.tolist(), abs=1e-5)
            assert row.own == pytest.approx(float(expected[token]), abs=1e-5)


def test_score_of_the_whole_vocabulary_sums_to_one(served: TinyVllm) -> None:
    served.most_logprobs = 1000
    ((row,),) = client(served).score([[5, 6]], [1], 1000)
    assert len(row.tokens) == 300
    assert math.fsum(map(math.exp, row.logprobs)) == pytest.approx(1, abs=1e-5)


def test_new_weights_are_those_of_the_folder(served: TinyVllm, tiny_llama: TinyLlama, tmp_path: Path) -> None:
    folder = tmp_path
    newer = tiny_llama(2, vocab=300, seed=4)
    newer.save_pretrained(folder)
    asked = client(served)
    before = asked.score([[5, 6, 7]], [1], 2)
    asked.load(folder)
    after = asked.score([[5, 6, 7]], [1], 2)
    with torch.no_grad():
        expected = torch.log_softmax(newer(input_ids=torch.tensor([[5, 6, 7]])).logits[0], dim=-1)
    assert after[0][0].own == pytest.approx(float(expected[0, 6]), abs=1e-5) and after != before
    assert [path for path, _, _ in served.requests[1:3]] == ["/collective_rpc", "/reset_prefix_cache"]


def test_many_calls_keep_their_order(served: TinyVllm) -> None:
    prompts = [[3 + i] for i in range(40)]
    answers = client(served, concurrency=7).write(
        prompts, Sampling(max_tokens=1, temperature=0.0), ends=ENDS, seeds=[0] * 40
    )
    assert [a.tokens[0] for a in answers] == [int(served.logp(p)[-1].argmax()) for p in prompts]


def test_passing_faults_are_tried_again(served: TinyVllm) -> None:
    served.faults = [503, 429, 500]
    assert len(client(served).score([[5, 6]], [1], 1)[0]) == 1
    assert len(served.requests) == 4


def test_field_that_is_null_in_extra_is_left_out(served: TinyVllm) -> None:
    client(served, extra={"min_p": None, "prompt_logprobs": 2}).score([[5, 6]], [1], 1)
    client(served, extra={"min_p": None}).write([[5]], Sampling(max_tokens=1), ends=ENDS, seeds=[1])
    (_, score, _), (_, write, _) = served.requests
    assert score["prompt_logprobs"] == 2 and "min_p" not in score
    assert write["top_k"] == -1 and "min_p" not in write


def test_waits_as_long_as_is_asked_or_ends(served: TinyVllm) -> None:
    served.faults, served.retry_after, waits = [503], "40", list[float]()
    client(served, waits=waits, longest_wait=60, backoff=0.5).score([[5, 6]], [1], 1)
    assert len(waits) == 1 and 40 <= waits[0] <= 40.5
    served.faults, served.retry_after = [503], "400"
    with pytest.raises(EndpointError, match="asks to wait 400 s, and longest_wait is 60 s; come back then or raise"):
        client(served, waits=waits, longest_wait=60).score([[5, 6]], [1], 1)
    assert len(waits) == 1 and len(served.requests) == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[1].pop("6"),
        lambda rows: rows.__setitem__(1, None),
        lambda rows: rows.__setitem__(1, [0.5]),
        lambda rows: rows[1].update({"6": None}),
        lambda rows: rows[1].update({"6": {"logprob": "-0.5"}}),
        lambda rows: rows[1].update({"6": {"logprob": None}}),
        lambda rows: rows[1].update({"six": {"logprob": -0.5}}),
        lambda rows: rows[1].update({"7": {"logprob": 10**400}}),
    ],
    ids=["no own", "null", "list", "null token", "text", "null logprob", "word", "huge"],
)
def test_scores_that_make_no_sense_are_one_line(spoil: Callable[[Any], object], served: TinyVllm) -> None:
    served.spoil = lambda choice: spoil(choice["prompt_logprobs"])
    with pytest.raises(EndpointError, match=r"shows .* as prompt_logprobs of token 6, not its log-prob.*; serve"):
        client(served).score([[5, 6]], [1], 3)


def test_places_with_fewer_tokens_than_others_are_one_line(served: TinyVllm) -> None:
    served.spoil = lambda choice: choice["prompt_logprobs"].__setitem__(2, {"7": {"logprob": -1.0}})
    with pytest.raises(EndpointError, match="gives fewer tokens than asked at some places; serve it with vLLM"):
        client(served).score([[5, 6, 7]], [1], 3)


@pytest.mark.parametrize(
    "spoil",
    [
        {"token_ids": "ab"},
        {"token_ids": [3, "4"]},
        {"token_ids": [3, -4]},
        {"logprobs": {"token_logprobs": [-0.5, None]}},
        {"logprobs": {"token_logprobs": "ab"}},
        {"logprobs": None},
    ],
)
def test_answers_that_make_no_sense_are_one_line(spoil: dict[str, object], served: TinyVllm) -> None:
    whole = {"token_ids": [3, 4], "logprobs": {"token_logprobs": [-0.5, -0.5]}}
    served.spoil = lambda choice: choice.update(whole | spoil)
    with pytest.raises(EndpointError, match="shows no token ids with log-probabilities; serve the model with a vLLM"):
        client(served).write(PROMPTS[:1], Sampling(max_tokens=2), ends=ENDS, seeds=[0])


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        ({"faults": [500] * 9}, "tiny", r"no answer in 3 tries: HTTP 500 3x \(last: not now\); ask less at once"),
        ({"faults": [401]}, "tiny", "HTTP 401 .* environment variable 'KEY': set it to one that may use this model"),
        ({}, "other", "HTTP 404 .*check the model's name"),
        ({"most_logprobs": 2}, "tiny", "HTTP 400 .*greater than max allowed: 2.; change the request"),
    ],
)
def test_faults_are_one_line(served: TinyVllm, change: dict[str, object], name: str, said: str) -> None:
    for key, value in change.items():
        setattr(served, key, value)
    with pytest.raises(EndpointError, match=said) as raised:
        client(served, name, retries=2).score([[5, 6]], [1], 4)
    assert "\n" not in str(raised.value) and "s3cret" not in str(raised.value)


def test_server_without_development_mode(served: TinyVllm, tmp_path: Path) -> None:
    served.development = False
    with pytest.raises(EndpointError, match="start vLLM with VLLM_SERVER_DEV_MODE=1"):
        client(served).load(tmp_path)


def test_weights_of_a_busy_server_are_left_alone(served: TinyVllm, tiny_llama: TinyLlama, tmp_path: Path) -> None:
    served.busy = served.keeps_old_weights = True
    with pytest.raises(EndpointError, match="answers somebody else's calls while its weights change"):
        client(served).load(tmp_path)


def test_server_that_shows_no_ids(served: TinyVllm) -> None:
    served.shows_ids = False
    with pytest.raises(EndpointError, match="shows no token ids with log-probabilities"):
        client(served).write(PROMPTS[:1], Sampling(max_tokens=2), ends=ENDS, seeds=[0])
