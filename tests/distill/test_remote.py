"""What comes from a server is what the same model gives when it is loaded here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.config import LoraSettings
from stillhouse.distill.graders.top_k import top_k_divergence, top_k_grade
from stillhouse.distill.network import Network
from stillhouse.distill.remote import (
    check_same_weights,
    joined,
    publish,
    remote_rollouts,
    remote_top_k,
    top_k_of,
)
from stillhouse.distill.rollout import Rollout, repeats
from stillhouse.distill.setup import add_adapters
from stillhouse.errors import ConfigError, EndpointError
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.vllm import Likeliest, VllmServer
from stillhouse.types import Sampling
from tests.conftest import TinyLlama
from tests.models.vllm_server import Served, serve

VOCABULARY = 300
PROMPTS = [("a", [5, 9, 30, 7]), ("b", [5, 9, 12]), ("c", [40, 41, 42, 43, 44, 45])]
ANSWERS = [
    Rollout("a", (5, 9, 30, 7), (8, 1, 299, 17), (), "stop", "student"),
    Rollout("b", (5, 9), (100, 200), (), "stop", "student"),
    Rollout("c", (40, 41, 42, 43, 44, 45), (3, 3, 3), (), "length", "student"),
]


@pytest.fixture
def served(tiny_llama: TinyLlama) -> Iterator[Served]:
    with serve(Served(tiny_llama(2, vocab=VOCABULARY, seed=3), most_logprobs=VOCABULARY)) as running:
        yield running


@pytest.fixture
def server(served: Served) -> VllmServer:
    return VllmServer("tiny", EndpointSettings(base_url=served.base_url, api="completions"), environ={})


@pytest.fixture
def teacher(tiny_llama: TinyLlama) -> Network:
    """The model that is served, loaded here as well."""
    return Network(tiny_llama(2, vocab=VOCABULARY, seed=3), VOCABULARY)


def write(server: VllmServer, sampling: Sampling, vocabulary: int = VOCABULARY, seed: int = 1) -> list[Rollout]:
    ends = frozenset({2})
    return remote_rollouts(
        server, PROMPTS, sampling, ends=ends, vocabulary=vocabulary, seed=seed, stream=0, source="student"
    )


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


@pytest.mark.parametrize("k", [1, 5, 300])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_grade_of_a_server_is_the_grade_made_here(
    k: int, beta: float, server: VllmServer, teacher: Network, tiny_llama: TinyLlama
) -> None:
    student = Network(tiny_llama(2, vocab=VOCABULARY, seed=9), VOCABULARY)
    grades = remote_top_k(server, ANSWERS, k)
    for batch in micro_batches(ANSWERS, 2):
        with torch.no_grad():
            own = top_k_grade(teacher.hidden(batch), teacher.head, k, 1.0, 4)
            logits = student.head.logits(student.hidden(batch))
        theirs = joined(grades, batch)
        assert torch.equal(theirs.tokens_NK, own.tokens_NK)
        torch.testing.assert_close(theirs.logp_NK, own.logp_NK, rtol=0, atol=1e-5)
        if k < VOCABULARY:
            torch.testing.assert_close(theirs.tail_N1, own.tail_N1, rtol=0, atol=1e-4)
        rows = slice(0, len(batch.token_N))
        found, expected = (top_k_divergence(g, beta)(logits.clone(), rows) for g in (theirs, own))
        if k < VOCABULARY:
            torch.testing.assert_close(found.loss_C, expected.loss_C, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.grad_CV, expected.grad_CV, rtol=1e-4, atol=1e-5)


def test_tail_by_hand() -> None:
    rows = [Likeliest((4, 7), (-0.5, -2.0), -0.5), Likeliest((1, 2), (0.0, -9999.0), 0.0)]
    grade = top_k_of(rows)
    # 1 - e^-0.5 - e^-2 = 0.258133...; a certain teacher keeps the floor of 1e-9.
    assert grade.tail_N1[:, 0].tolist() == pytest.approx([-1.3542777, -20.7232658], abs=1e-5)
    assert grade.tokens_NK.tolist() == [[4, 7], [1, 2]] and grade.logp_NK.dtype == torch.float32


def test_student_is_published_and_served(
    server: VllmServer, served: Served, tiny_llama: TinyLlama, tmp_path: Path
) -> None:
    student = Network(tiny_llama(2, vocab=VOCABULARY, seed=9), VOCABULARY)
    with pytest.raises(EndpointError, match=r"differ by \d\.\d\d nats a token from those of the weights here"):
        check_same_weights(student, server, ANSWERS[0])
    publish(student, tmp_path / "served", server, ANSWERS[0])
    check_same_weights(student, server, ANSWERS[2])
    assert (tmp_path / "served" / "model.safetensors").is_file()
    served.keeps_old_weights = True
    other = Network(tiny_llama(2, vocab=VOCABULARY, seed=10), VOCABULARY)
    with pytest.raises(EndpointError, match="let its workers see the folder of the weights"):
        publish(other, tmp_path / "served", server, ANSWERS[0])


def test_adapters_cannot_be_published(server: VllmServer, tiny_llama: TinyLlama, tmp_path: Path) -> None:
    model = tiny_llama(2, vocab=VOCABULARY, seed=9)
    add_adapters(model, LoraSettings(r=2, targets="all-linear"))
    with pytest.raises(ConfigError, match="a server takes whole weights, not adapters"):
        publish(Network(model, VOCABULARY), tmp_path / "served", server, ANSWERS[0])
    assert list(tmp_path.iterdir()) == []
