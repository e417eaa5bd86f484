"""One training step against a slow one that cannot be misread: a sequence at a time, all logits, no padding, float64.

The same slow step is then made wrong in the three ways that go unnoticed in training (labels shifted by one,
padding counted, teacher and student swapped), and each is shown to be far from the right one.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.graders import grader
from stillhouse.distill.network import Network
from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.phase import Writers
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.sections import OptimizerSettings
from stillhouse.distill.step import Stopwatch, backward, optimiser_step
from stillhouse.errors import TrainingError
from tests.conftest import TinyLlama

VOCABULARY, PADDED = 300, 310
GRADERS: dict[str, dict[str, object]] = {
    "forward": {"kind": "divergence", "beta": 0.0},
    "quarter": {"kind": "divergence", "beta": 0.25},
    "half": {"kind": "divergence", "beta": 0.5},
    "reverse": {"kind": "divergence", "beta": 1.0},
    "top_k": {"kind": "top_k", "k": 8, "beta": 0.0},
    "sampled": {"kind": "sampled"},
    "imitation": {"kind": "imitation"},
}
EVERY_GRADER = pytest.mark.parametrize("name", list(GRADERS))
TOLERANCE = 1e-4  # of the gradient's largest entry: the models compute in float32
LOSS_TOLERANCE = 1e-5  # of the loss
WRONG = [
    (name, wrong)
    for name in GRADERS
    for wrong in ("shifted", "padding counted", "swapped")
    if (name, wrong) != ("half", "swapped")  # beta 1/2 is the same either way round
]


def settings(name: str, micro_batch: int = 2, **values: object) -> DistillSettings:
    return DistillSettings.model_validate(
        {
            "teacher": {"model": "t", "permission": "Apache-2.0"},
            "student": {"model": "s"},
            "prompts": [{"name": "instructions"}],
            "steps": 1,
            "batch": 4,
            "micro_batch": micro_batch,
            "lmbda": 0.0 if name == "imitation" else 1.0,
            "grader": GRADERS[name],
            "loss_chunk": 3,
            "rollout": {"temperature": values.get("temperature", 1.0)},
            **values,
        }
    )


def rollouts(beginning: Sequence[int] = ()) -> list[Rollout]:
    """Ragged prompts and answers, one of a single token."""
    generator = torch.Generator().manual_seed(4)
    given = []
    for prompt, answer in ((3, 5), (6, 1), (1, 9), (4, 3)):
        ids = torch.randint(3, VOCABULARY, (prompt + answer,), generator=generator).tolist()
        given.append(Rollout("p", (*beginning, *ids[:prompt]), tuple(ids[prompt:]), (0.0,) * answer, "stop", "student"))
    return given


def pair(tiny_llama: TinyLlama) -> tuple[Network, Network]:
    """Student and teacher of other depth, width and padding of the vocabulary; the teacher is surer of itself."""
    student = tiny_llama(layers=2, vocab=PADDED, seed=1)
    teacher = tiny_llama(layers=3, vocab=VOCABULARY, seed=2, hidden=48)
    with torch.no_grad():
        embedding: Any = teacher.get_input_embeddings()
        embedding.weight.mul_(2.0)
    return Network(student, VOCABULARY), Network(teacher, VOCABULARY)


def clean(network: Network) -> None:
    for p in network.model.parameters():
        p.grad = None


def gradients(model: Any) -> Tensor:
    return torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).double().flatten() for p in model.parameters()]
    )


def row_losses(name: str, logits: Tensor, teacher_logits: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of each position, and what to differentiate for its gradient."""
    logp, logq = torch.log_softmax(logits, dim=-1), torch.log_softmax(teacher_logits, dim=-1)
    config = GRADERS[name]
    if config["kind"] == "imitation":
        loss = -logp.gather(1, tokens[:, None])[:, 0]
        return loss, loss
    if config["kind"] == "sampled":
        own, theirs = (x.gather(1, tokens[:, None])[:, 0] for x in (logp, logq))
        return own - theirs, (own - theirs).detach() * own
    if config["kind"] == "top_k":
        kept = logq.topk(8, dim=-1).indices
        logp, logq = (
            torch.cat([x.gather(1, kept), (1 - x.gather(1, kept).exp().sum(-1, keepdim=True)).log()], dim=-1)
            for x in (logp, logq)
        )
    beta = config["beta"]
    assert isinstance(beta, float)
    if beta in (0.0, 1.0):
        a, b = (logp, logq) if beta else (logq, logp)
        loss = (a.exp() * (a - b)).sum(-1)
        return loss, loss
    m = (1 - beta) * logp.exp() + beta * logq.exp()
    loss = beta * (logq.exp() * (logq - m.log())).sum(-1) + (1 - beta) * (logp.exp() * (logp - m.log())).sum(-1)
    return loss, loss


def slow_step(
    name: str, student: Network, teacher: Network, given: Sequence[Rollout], temperature: float, wrong: str = ""
) -> tuple[float, Tensor]:
    """Mean loss per completion token, and the gradient of all the student's weights."""
    pupil, master = (copy.deepcopy(network.model).double() for network in (student, teacher))
    longest = max(len(r.prompt_tokens) + len(r.tokens) for r in given)
    losses, objectives = [], []
    for r in given:
        text = [*r.prompt_tokens, *r.tokens]
        first, last = len(r.prompt_tokens), len(text)
        if wrong == "padding counted":
            text += [0] * (longest - len(text))
            last = longest
        ids = torch.tensor([text])
        own = pupil(ids, use_cache=False).logits[0, :, :VOCABULARY] / temperature
        with torch.no_grad():
            theirs = master(ids, use_cache=False).logits[0, :, :VOCABULARY] / temperature
        # Token i is predicted at i - 1. Shifted, the place of the token itself is taken for its prediction.
        places = torch.arange(first, last) - (0 if wrong == "shifted" else 1)
        tokens = ids[0, first:last]
        sides = (theirs[places], own[places]) if wrong == "swapped" else (own[places], theirs[places])
        loss, objective = row_losses(name, *sides, tokens)
        losses.append(loss.detach())
        objectives.append(objective)
    objective = torch.cat(objectives).mean()
    if objective.requires_grad:  # swapped, imitation and sampling learn nothing
        objective.backward()
    return torch.cat(losses).mean().item(), gradients(pupil)


def quick_step(
    name: str,
    student: Network,
    teacher: Network,
    given: Sequence[Rollout],
    micro_batch: int = 2,
    temperature: float = 1.0,
) -> tuple[dict[str, float], Tensor]:
    clean(student)
    chosen = settings(name, micro_batch, temperature=temperature)
    means = backward(writers(student, teacher), grader(chosen.grader), given, chosen, Stopwatch(student.device))
    return means, gradients(student.model)


@pytest.mark.parametrize("temperature", [1.0, 1.6])
@pytest.mark.parametrize("beginning", [(), (9, 8, 7)])
@EVERY_GRADER
def test_equals_the_slow_step(name: str, beginning: tuple[int, ...], temperature: float, tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    given = rollouts(beginning)
    loss, gradient = slow_step(name, student, teacher, given, temperature)
    means, got = quick_step(name, student, teacher, given, temperature=temperature)
    scale = gradient.abs().max().item()
    assert means["loss"] == pytest.approx(loss, rel=LOSS_TOLERANCE)
    assert scale > 1e-3
    torch.testing.assert_close(got, gradient, atol=TOLERANCE * scale, rtol=0)


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_wrong_steps_are_far_from_it(name: str, wrong: str, tiny_llama: TinyLlama) -> None:
    """Each mistake moves loss and gradient by at least 100 times what the comparison above lets pass."""
    student, teacher = pair(tiny_llama)
    given = rollouts()
    loss, right = slow_step(name, student, teacher, given, 1.0)
    mistaken_loss, mistaken = slow_step(name, student, teacher, given, 1.0, wrong)
    means, got = quick_step(name, student, teacher, given)
    scale = right.abs().max().item()
    assert abs(means["loss"] - loss) <= LOSS_TOLERANCE * abs(loss) < 0.01 * abs(mistaken_loss - loss)
    assert (got - right).abs().max().item() <= TOLERANCE * scale
    assert (mistaken - right).abs().max().item() > 100 * TOLERANCE * scale


@pytest.mark.parametrize("beginning", [(), (9, 8, 7)])
@EVERY_GRADER
def test_micro_batches_change_nothing(name: str, beginning: tuple[int, ...], tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    given = rollouts(beginning)
    whole, expected = quick_step(name, student, teacher, given, micro_batch=4)
    for micro_batch in (1, 2):
        means, got = quick_step(name, student, teacher, given, micro_batch)
        assert means == pytest.approx(whole, rel=1e-4)
        torch.testing.assert_close(got, expected, atol=1e-5 * expected.abs().max().item(), rtol=0)


def test_figures_are_means_per_completion_token(tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    given = rollouts()
    for name in ("forward", "reverse", "half"):
        means, _ = quick_step(name, student, teacher, given)
        assert means["kl"] == pytest.approx(slow_step("reverse", student, teacher, given, 1.0)[0], rel=1e-4)
    entropies = []
    for r in given:
        with torch.no_grad():
            logits = student.model(torch.tensor([[*r.prompt_tokens, *r.tokens]])).logits[0, :, :VOCABULARY].double()
        logp = torch.log_softmax(logits[len(r.prompt_tokens) - 1 : -1], dim=-1)
        entropies.append(-(logp.exp() * logp).sum(-1))
    assert means["entropy"] == pytest.approx(torch.cat(entropies).mean().item(), rel=1e-4)


def test_teacher_gets_no_gradient_and_padding_rows_none(tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    quick_step("reverse", student, teacher, rollouts())
    assert all(p.grad is None for p in teacher.model.parameters())
    gradient = student.head.weight_VH.grad
    assert gradient is not None and not gradient[VOCABULARY:].any() and gradient[:VOCABULARY].any()


def test_an_empty_answer_among_others_changes_nothing(tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    given = rollouts()
    empty = replace(given[0], tokens=(), logprobs=())
    means, gradient = quick_step("reverse", student, teacher, given)
    with_empty, same = quick_step("reverse", student, teacher, [empty, *given])
    assert with_empty == means and torch.equal(same, gradient)


def test_a_student_equal_to_its_teacher_learns_nothing(tiny_llama: TinyLlama) -> None:
    student = Network(tiny_llama(vocab=VOCABULARY, seed=3), VOCABULARY)
    teacher = Network(tiny_llama(vocab=VOCABULARY, seed=3), VOCABULARY)
    for name in ("forward", "half", "reverse"):
        means, gradient = quick_step(name, student, teacher, rollouts())
        assert abs(means["loss"]) < 1e-6 and gradient.abs().max() < 1e-5


def writers(student: Network, teacher: Network) -> Writers:
    """Who answers; the tokenizer is not looked at."""
    return Writers(student, teacher, PreTrainedTokenizerBase(), frozenset())


def step_with(student: Network, teacher: Network, optimizer: MasterAdamW, step: int) -> dict[str, float]:
    chosen = settings("reverse")
    watch = Stopwatch(student.device)
    return optimiser_step(
        writers(student, teacher), grader(chosen.grader), optimizer, rollouts(), chosen, 3e-3, step, watch
    )


def test_steps_bring_the_student_nearer(tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    optimizer = MasterAdamW(dict(student.model.named_parameters()), OptimizerSettings(), sums=True)
    lines = [step_with(student, teacher, optimizer, step) for step in range(12)]
    assert lines[-1]["kl"] < 0.7 * lines[0]["kl"]
    assert lines[0]["lr"] == 3e-3 and all(line["grad_norm"] > 0 for line in lines)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_weights(tiny_llama: TinyLlama) -> None:
    student, teacher = pair(tiny_llama)
    optimizer = MasterAdamW(dict(student.model.named_parameters()), OptimizerSettings(), sums=True)
    with torch.no_grad():
        embedding: Any = teacher.model.get_input_embeddings()
        embedding.weight[rollouts()[0].tokens[0]] = float("nan")
    before = copy.deepcopy(student.model.state_dict())
    with pytest.raises(TrainingError, match=r"^step 5: loss is nan"):
        step_with(student, teacher, optimizer, 4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in student.model.state_dict().items())


def test_a_gradient_that_is_not_finite_stops_the_run_and_keeps_the_weights(tiny_llama: TinyLlama) -> None:
    """The loss is finite here: the gradient is spoilt on its way back."""
    student, teacher = pair(tiny_llama)
    optimizer = MasterAdamW(dict(student.model.named_parameters()), OptimizerSettings(), sums=True)
    before = copy.deepcopy(student.model.state_dict())
    layers: Any = student.model.base_model.layers
    hook = layers[0].mlp.down_proj.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match=r"^step 5: gradient norm is (nan|inf)"):
        step_with(student, teacher, optimizer, 4)
    hook.remove()
    assert all(torch.equal(tensor, before[name]) for name, tensor in student.model.state_dict().items())


def test_stopwatch_gives_each_part_its_own_time() -> None:
    times = iter([10.0, 11.0, 13.5, 14.0])
    watch = Stopwatch(torch.device("cpu"), clock=lambda: next(times))
    watch.start()
    for part in ("teacher", "student", "teacher"):
        watch.lap(part)
    assert watch.seconds == {"teacher": 1.5, "student": 2.5}
