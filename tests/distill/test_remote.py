"""What comes from a server is what the same model gives when it is loaded here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.network import Network
from stillhouse.distill.remote import (
    Served,
    answer_seeds,
    check_same_weights,
    remote_rollouts,
)
from stillhouse.distill.rollout import Rollout, repeats
from stillhouse.errors import EndpointError
from stillhouse.models.endpoint import ConnectionSettings
from stillhouse.models.local import load_model
from stillhouse.models.vllm import VllmServer
from stillhouse.types import Sampling
from tests.command import Command
from tests.conftest import TinyLlama
from tests.models.vllm_server import TinyVllm, serve
from tests.tiny import Pair, rows, run_settings, write_yaml
from tests.together import Together

VOCABULARY = 300
PROMPTS = [("a", [5, 9, 30, 7]), ("b", [5, 9, 12]), ("c", [40, 41, 42, 43, 44, 45])]
ANSWERS = [
    Rollout("a", (5, 9, 30, 7), (8, 1, 299, 17), (), "stop", "student"),
    Rollout("b", (5, 9), (100, 200), (), "stop", "student"),
    Rollout("c", (40, 41, 42, 43, 44, 45), (3, 3, 3), (), "length", "student"),
]


@pytest.fixture
def served(tiny_llama: TinyLlama) -> Iterator[TinyVllm]:
    with serve(TinyVllm(tiny_llama(2, vocab=VOCABULARY, seed=3), most_logprobs=VOCABULARY)) as running:
        yield running


@pytest.fixture
def server(served: TinyVllm) -> VllmServer:
    return VllmServer("tiny", ConnectionSettings(base_url=served.base_url), environ={})


@pytest.fixture
def teacher(tiny_llama: TinyLlama) -> Network:
    """The model that is served, loaded here as well."""
    return Network(tiny_llama(2, vocab=VOCABULARY, seed=3), VOCABULARY)


def write(server: VllmServer, sampling: Sampling, vocabulary: int = VOCABULARY, seed: int = 1) -> list[Rollout]:
    ends, seeds = frozenset({2}), answer_seeds(seed, 0, range(3))
    return remote_rollouts(server, PROMPTS, sampling, ends=ends, vocabulary=vocabulary, seeds=seeds, source="student")


def test_answers_carry_the_log_probabilities_of_the_model(server: VllmServer, teacher: Network) -> None:
    answers = write(server, Sampling(max_tokens=10, temperature=1.0))
    assert [(r.prompt_id, r.prompt_tokens) for r in answers] == [(i, tuple(p)) for i, p in PROMPTS]
    with torch.no_grad():
        for batch in micro_batches(answers, 1):
            (owner,) = set(batch.row_N.tolist())
            logp = torch.log_softmax(teacher.head.logits(teacher.hidden(batch)), dim=-1)
            own = logp.gather(1, batch.token_N[:, None])[:, 0]
            torch.testing.assert_close(torch.tensor(answers[owner].logprobs), own, rtol=0, atol=1e-5)
    assert write(server, Sampling(max_tokens=10, temperature=1.0)) == answers
    assert write(server, Sampling(max_tokens=10, temperature=1.0), seed=2) != answers
    assert [r.logprobs for r in write(server, Sampling(max_tokens=4, temperature=0.5))] == [()] * 3


def test_repetition_ends_an_answer_where_it_does_here(server: VllmServer) -> None:
    whole = write(server, Sampling(max_tokens=64, temperature=0.0))
    window = 12
    cut = write(server, Sampling(max_tokens=64, temperature=0.0, repetition_stop=window))
    assert "repetition" in {r.finish_reason for r in cut}  # a random model, read greedily, goes round in circles
    for long, short in zip(whole, cut, strict=True):
        looping = [
            end
            for end in range(16, len(long.tokens) + 1, 8)
            if bool(repeats(torch.tensor([long.tokens[:end]]), window))
        ]
        length = looping[0] if looping else len(long.tokens)
        assert short.tokens == long.tokens[:length]
        assert short.finish_reason == ("repetition" if length < len(long.tokens) else long.finish_reason)


def test_token_beyond_the_tokenizer_is_refused(server: VllmServer) -> None:
    with pytest.raises(EndpointError, match=r"wrote token \d+, beyond the tokenizer's 3; serve the model with"):
        write(server, Sampling(max_tokens=10), vocabulary=3)


def test_student_is_published_and_served(
    server: VllmServer, served: TinyVllm, tiny_llama: TinyLlama, tmp_path: Path
) -> None:
    student = Network(tiny_llama(2, vocab=VOCABULARY, seed=9), VOCABULARY)
    with pytest.raises(EndpointError, match=r"differ by \d\.\d\d nats a token from those of the weights here"):
        check_same_weights(student, server, ANSWERS[0])
    Served(server, tmp_path / "served").publish(student, range(5, 25))
    check_same_weights(student, server, ANSWERS[2])
    assert (tmp_path / "served" / "model.safetensors").is_file()
    served.keeps_old_weights = True
    other = Network(tiny_llama(2, vocab=VOCABULARY, seed=10), VOCABULARY)
    with pytest.raises(EndpointError, match="let its workers see the folder of the weights"):
        Served(server, tmp_path / "served").publish(other, range(5, 25))


def test_seeds_belong_to_places() -> None:
    assert answer_seeds(1, 2, [0, 5]) == [1_000_005 << 20, (1_000_005 << 20) + 5]
    assert len({*answer_seeds(0, 0, range(50)), *answer_seeds(0, 1, range(50)), *answer_seeds(1, 0, range(50))}) == 150
    assert max(answer_seeds(10**9, 10**9, [7])) < 2**63


@pytest.fixture
def student_server(pair: Pair) -> Iterator[TinyVllm]:
    with serve(TinyVllm(load_model(str(pair.student)), name="student")) as running:
        yield running


def server_settings(base_url: str) -> dict[str, Any]:
    return {"model": "student", "endpoint": {"base_url": base_url, "retries": 0}}


@pytest.mark.parametrize("size", [1, 2])
def test_run_whose_answers_a_server_writes(
    size: int, pair: Pair, student_server: TinyVllm, command: Command, tmp_path: Path
) -> None:
    settings = run_settings(pair, steps=6, rollout__server=server_settings(student_server.base_url))
    run = ("distill", "run", write_yaml(tmp_path / "c.yaml", settings), "--out", tmp_path / "run", "--quiet")
    results = Together(command)(*run, size=size)
    assert [(r.code, r.err) for r in results] == [(0, "")] * size
    reloads = [body for path, body, _ in student_server.requests if path == "/collective_rpc"]
    assert [b["kwargs"]["weights_path"] for b in reloads] == [str(tmp_path / "run" / "served")] * 3
    # The last phase was written by the weights of step 4: the server has them still.
    checkpoint = load_file(tmp_path / "run" / "checkpoints" / "step-000006" / "tensors.safetensors")
    given = student_server.model.state_dict()["model.embed_tokens.weight"]
    assert 0 < float((given - checkpoint["weight/model.embed_tokens.weight"]).abs().max()) < 0.01
    answers = rows(tmp_path / "run" / "rollouts" / "phase-000002.jsonl")
    assert len(answers) == 8 and all(a["source"] == "student" for a in answers)
    for a in answers:
        logp = student_server.logp([*a["prompt_tokens"], *a["tokens"]])
        own = [float(logp[len(a["prompt_tokens"]) - 1 + i, token]) for i, token in enumerate(a["tokens"])]
        assert a["logprobs"] == pytest.approx(own, abs=1e-4)


def test_server_that_is_not_there_leaves_nothing_behind(pair: Pair, command: Command, tmp_path: Path) -> None:
    settings = run_settings(pair, rollout__server=server_settings("http://127.0.0.1:9/v1"))
    config = write_yaml(tmp_path / "c.yaml", settings)
    fault = command("distill", "run", config, "--out", tmp_path / "run", "--quiet").fault
    assert fault.startswith("http://127.0.0.1:9/v1 (model 'student'): no answer in 1 tries: connection refused")
    assert {p.name for p in tmp_path.iterdir()} == {"c.yaml"}


def test_adapters_cannot_be_served(pair: Pair) -> None:
    settings = run_settings(pair, lora={"r": 2}, rollout__server=server_settings("http://127.0.0.1:9/v1"))
    with pytest.raises(ValueError, match=r"rollout.server takes whole weights, not adapters"):
        DistillSettings.model_validate(settings)
