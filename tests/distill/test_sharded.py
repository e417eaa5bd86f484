"""A student in parts: what each part is, where its weights are, and that the parts together learn as one model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.distributed import ALONE, Processes
from stillhouse.distill.graders import DivergenceGrader, GradingInputs
from stillhouse.distill.loss import Head, Rule
from stillhouse.distill.network import Network
from stillhouse.distill.optimizer import MasterAdamW
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.sections import OptimizerSettings
from stillhouse.distill.sharded import ShardedNetwork, part, part_of, shard, whole
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model

VOCABULARY = 300
ANSWERS = [
    Rollout(str(i), tuple(range(5, 9 + i)), tuple((7 * i + 3 * j) % 300 for j in range(4 + i)), (), "stop", "student")
    for i in range(6)
]


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A group of this process alone, in which everything is done as in a larger one."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def plain(tiny_llama: TinyLlama, dtype: torch.dtype = torch.float32) -> Network:
    model: Any = tiny_llama(2, vocab=VOCABULARY, seed=2)
    return Network(model.to(dtype), VOCABULARY)


def ruler(tiny_llama: TinyLlama, batch: MicroBatch, dtype: torch.dtype) -> Callable[[Tensor, Head], Rule]:
    """How a teacher grades the batch."""
    model: Any = tiny_llama(3, vocab=VOCABULARY, seed=1)
    teacher = Network(model.to(dtype), VOCABULARY)
    grader = DivergenceGrader(0.5)
    with torch.no_grad():
        reading = grader.read(teacher, batch, ANSWERS)

    def rule_of(hidden_NH: Tensor, head: Head) -> Rule:
        return grader.rule(
            GradingInputs(
                rollouts=ANSWERS,
                row_N=batch.row_N,
                token_N=batch.token_N,
                temperature=1.0,
                chunk=16,
                student_hidden_NH=hidden_NH,
                student_head=head,
                reading=reading,
            )
        )

    return rule_of


def learn(network: Network, tiny_llama: TinyLlama, optimizer: MasterAdamW, steps: int = 3) -> list[float]:
    losses = []
    for _ in range(steps):
        for batch in micro_batches(ANSWERS, 3):
            weight_N = torch.full((len(batch.token_N),), 1 / sum(len(r.tokens) for r in ANSWERS))
            out = network.loss(batch, ruler(tiny_llama, batch, network.model.dtype), weight_N, 1.0, 16)
            out.loss.backward()
            losses.append(float(out.loss.detach()))
        losses.append(optimizer.step(1e-2))
    return losses


def test_one_process_keeps_its_network(tiny_llama: TinyLlama) -> None:
    network = plain(tiny_llama)
    assert shard(network, ALONE) is network


def test_weights_are_there_inside_whole_alone(tiny_llama: TinyLlama, group: None) -> None:
    expected = {name: p.detach().clone() for name, p in plain(tiny_llama).model.named_parameters()}
    network = ShardedNetwork(plain(tiny_llama), Processes())
    model = network.model
    assert model.num_parameters() == sum(t.numel() for t in expected.values())
    assert all(p.isnan().all() and p.untyped_storage().nbytes() == 4 for p in model.parameters())
    with network.whole():
        with network.whole():
            pass
        assert all(torch.equal(p, expected[name]) for name, p in model.named_parameters())
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert all(p.isnan().all() for p in model.parameters())
    assert all(isinstance(p, DTensor) for p in network.trainable().values())
    assert network.trainable().keys() == expected.keys()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_parts_learn_as_the_whole_does(dtype: torch.dtype, tiny_llama: TinyLlama, group: None) -> None:
    one, parts = plain(tiny_llama, dtype), ShardedNetwork(plain(tiny_llama, dtype), Processes())
    ours = MasterAdamW(parts.trainable(), OptimizerSettings(), sums=True)
    theirs = MasterAdamW(one.trainable(), OptimizerSettings(), sums=True)
    found, expected = (learn(n, tiny_llama, o) for n, o in ((parts, ours), (one, theirs)))
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    assert found == pytest.approx(expected, rel=tolerance)
    state, reference = ours.state(), theirs.state()
    assert state.keys() == reference.keys()
    assert {k: (t.shape, t.dtype) for k, t in state.items()} == {k: (t.shape, t.dtype) for k, t in reference.items()}
    if dtype == torch.float32:
        for name, tensor in state.items():
            torch.testing.assert_close(tensor, reference[name], rtol=1e-3, atol=1e-5, msg=name)


@FAMILIES
def test_families_can_be_spread(family: str, tiny_llama: TinyLlama, group: None) -> None:
    one = Network(family_model(family, tiny_llama), VOCABULARY)
    parts = ShardedNetwork(Network(family_model(family, tiny_llama), VOCABULARY), Processes())
    (batch,) = micro_batches(ANSWERS, 6)
    weight_N = torch.full((len(batch.token_N),), 0.1)
    for network in (one, parts):
        network.loss(batch, ruler(tiny_llama, batch, torch.float32), weight_N, 1.0, 512).loss.backward()
    for name, p in one.trainable().items():
        grad = parts.trainable()[name].grad
        assert p.grad is not None and isinstance(grad, DTensor)
        torch.testing.assert_close(grad.to_local(), p.grad, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_state_comes_back_to_the_bit(dtype: torch.dtype, tiny_llama: TinyLlama, group: None) -> None:
    first = ShardedNetwork(plain(tiny_llama, dtype), Processes())
    optimizer = MasterAdamW(first.trainable(), OptimizerSettings(), sums=True)
    learn(first, tiny_llama, optimizer)
    state = {name: tensor.clone() for name, tensor in optimizer.state().items()}
    assert any(name.startswith("low/") for name in state) == (dtype == torch.bfloat16)
    second = ShardedNetwork(plain(tiny_llama, dtype), Processes())
    resumed = MasterAdamW(second.trainable(), OptimizerSettings(), sums=True)
    resumed.load(state)
    assert all(torch.equal(tensor, state[name]) for name, tensor in resumed.state().items())
    assert learn(second, tiny_llama, resumed) == learn(first, tiny_llama, optimizer)


def test_part_and_whole_are_inverse(tiny_llama: TinyLlama, group: None) -> None:
    spread = next(iter(ShardedNetwork(plain(tiny_llama), Processes()).trainable().values()))
    for dtype in (torch.float32, torch.int16, torch.bfloat16):
        values = torch.arange(spread.numel()).view(spread.shape).to(dtype)
        assert torch.equal(whole(part_of(values, spread), spread), values)
    alone = torch.ones(3)
    assert part(alone) is alone and part_of(alone, alone) is alone and whole(alone, alone) is alone
