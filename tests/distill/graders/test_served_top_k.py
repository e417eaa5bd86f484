"""A served teacher grades as the same teacher does when it is loaded here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.graders.base import GradingInputs
from stillhouse.distill.graders.served_top_k import ServedTopKGrader, top_k_of
from stillhouse.distill.graders.top_k import top_k_divergence, top_k_grade
from stillhouse.distill.network import Network
from stillhouse.distill.rollout import Rollout
from stillhouse.errors import EndpointError
from stillhouse.models.endpoint import ConnectionSettings
from stillhouse.models.local import load_model
from stillhouse.models.vllm import Likeliest, VllmServer
from tests.command import Command
from tests.conftest import TinyLlama
from tests.models.vllm_server import TinyVllm, serve
from tests.tiny import Pair, rows, run_settings, write_yaml

VOCABULARY = 300
ANSWERS = [
    Rollout("a", (5, 9, 30, 7), (8, 1, 299, 17), (), "stop", "student"),
    Rollout("b", (5, 9), (100, 200), (), "stop", "student"),
    Rollout("c", (40, 41, 42, 43, 44, 45), (3, 3, 3), (), "length", "student"),
]


@pytest.fixture
def server(tiny_llama: TinyLlama) -> Iterator[VllmServer]:
    served = TinyVllm(tiny_llama(2, vocab=VOCABULARY, seed=3), most_logprobs=VOCABULARY)
    with serve(served):
        yield VllmServer("tiny", ConnectionSettings(base_url=served.base_url), environ={})


@pytest.fixture
def teacher(tiny_llama: TinyLlama) -> Network:
    """The model that is served, loaded here as well."""
    return Network(tiny_llama(2, vocab=VOCABULARY, seed=3), VOCABULARY)


@pytest.mark.parametrize("k", [1, 5, 300])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_grade_of_a_server_is_the_grade_made_here(
    k: int, beta: float, server: VllmServer, teacher: Network, tiny_llama: TinyLlama
) -> None:
    student = Network(tiny_llama(2, vocab=VOCABULARY, seed=9), VOCABULARY)
    for batch in micro_batches(ANSWERS, 2):
        with torch.no_grad():
            own = top_k_grade(teacher.hidden(batch), teacher.head, k, 1.0, 4)
            logits = student.head.logits(student.hidden(batch))
        theirs = ServedTopKGrader(server, k, beta).read(None, batch, ANSWERS)
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


def test_token_that_the_student_lacks(server: VllmServer, teacher: Network) -> None:
    (batch,) = micro_batches(ANSWERS, 3)
    grader = ServedTopKGrader(server, 300, 0.0)
    small = Network(teacher.model, 250)
    inputs = GradingInputs(
        rollouts=ANSWERS,
        row_N=batch.row_N,
        token_N=batch.token_N,
        temperature=1.0,
        chunk=4,
        student_hidden_NH=small.hidden(batch).detach(),
        student_head=small.head,
        reading=grader.read(None, batch, ANSWERS),
    )
    with pytest.raises(EndpointError, match="finds token 299 likely, beyond the student's 250; serve a teacher with"):
        grader.rule(inputs)


def served_settings(base_url: str) -> dict[str, Any]:
    endpoint = {"base_url": base_url, "api": "completions", "retries": 0}
    return {"model": "teacher", "permission": "made by this test", "endpoint": endpoint}


def test_run_with_a_served_teacher_learns_the_same(pair: Pair, command: Command, tmp_path: Path) -> None:
    settings = run_settings(pair, steps=6, grader={"kind": "top_k", "k": 20, "beta": 0.0})
    here = write_yaml(tmp_path / "here.yaml", settings)
    assert command("distill", "run", here, "--out", tmp_path / "here", "--quiet").code == 0
    with serve(TinyVllm(load_model(str(pair.teacher)), name="teacher")) as served:
        there = write_yaml(tmp_path / "there.yaml", {**settings, "teacher": served_settings(served.base_url)})
        result = command("distill", "run", there, "--out", tmp_path / "there", "--quiet")
        assert (result.code, result.err) == (0, "")
    found = {}
    for run in ("here", "there"):
        found[run] = [[m["loss"], m["kl"], m["grad_norm"]] for m in rows(tmp_path / run / "metrics.jsonl")]
    torch.testing.assert_close(torch.tensor(found["there"]), torch.tensor(found["here"]), rtol=1e-4, atol=1e-5)


def test_server_that_gives_too_few_leaves_nothing_behind(pair: Pair, command: Command, tmp_path: Path) -> None:
    with serve(TinyVllm(load_model(str(pair.teacher)), name="teacher")) as served:
        changes = {"teacher": served_settings(served.base_url), "grader": {"kind": "top_k", "k": 64}}
        config = write_yaml(tmp_path / "c.yaml", {**run_settings(pair), **changes})
        fault = command("distill", "run", config, "--out", tmp_path / "run", "--quiet").fault
    assert "HTTP 400 (Requested sample logprobs of 64, which is greater than max allowed: 20)" in fault
    assert {p.name for p in tmp_path.iterdir()} == {"c.yaml"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"temperature": 2.0}, "temperature is not 1, at which alone a server gives probabilities; set it to 1"),
        ({"teacher__endpoint__api": "chat.completions"}, "or serve it with vLLM"),
        ({"grader": {"kind": "divergence"}}, "or serve it with vLLM"),
    ],
)
def test_settings_that_a_server_cannot_do(changes: dict[str, Any], said: str, pair: Pair) -> None:
    given = {"teacher": served_settings("http://127.0.0.1:9/v1"), "grader": {"kind": "top_k"}, **changes}
    with pytest.raises(ValueError, match=said):
        DistillSettings.model_validate(run_settings(pair, **given))
