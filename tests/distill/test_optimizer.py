"""AdamW against PyTorch's plain one and by hand; float32 masters; saving and going on."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from stillhouse.distill import optimizer as optimizer_module
from stillhouse.distill.optimizer import MasterAdamW, join, split
from stillhouse.distill.sections import OptimizerSettings

SHAPES = {"matrix": (4, 3), "bias": (3,)}


def parameters(dtype: torch.dtype = torch.float32, seed: int = 0) -> dict[str, Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return {name: Parameter(torch.randn(shape, generator=generator).to(dtype)) for name, shape in SHAPES.items()}


def gradients(step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def adamw(given: dict[str, Parameter], sums: bool = True, **settings: Any) -> MasterAdamW:
    return MasterAdamW(given, OptimizerSettings(**settings), sums=sums)


def master(optimizer: MasterAdamW, name: str) -> Tensor:
    """The float32 number behind each weight."""
    weight = optimizer.parameters[name].detach()
    whole = torch.empty_like(weight, dtype=torch.float32)
    join(weight, optimizer.low[name], out=whole)
    return whole


def give(optimizer: MasterAdamW, name: str, gradient: Tensor) -> None:
    """Let a backward pass add `gradient`, rounded to the parameter's own dtype."""
    parameter = optimizer.parameters[name]
    (parameter * gradient.to(parameter.dtype)).sum().backward()


def train(optimizer: MasterAdamW, steps: range, lr: float = 0.01) -> list[float]:
    norms = []
    for step in steps:
        for name, gradient in gradients(step).items():
            give(optimizer, name, gradient)
        norms.append(optimizer.step(lr))
    return norms


def weights(optimizer: MasterAdamW) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in optimizer.parameters.items()}


def saved(optimizer: MasterAdamW) -> dict[str, Tensor]:
    """A copy, as a checkpoint on disk is one."""
    return {name: tensor.clone() for name, tensor in optimizer.state().items()}


def test_first_step_by_hand() -> None:
    """Gradients (3, 4): norm 5, clipped to norm 1: (0.6, 0.8). Adam's first step moves each weight by lr against the
    sign of its gradient, whatever its size; decay takes lr * 0.1 of a matrix before that, and nothing of a vector.
    """
    matrix, vector = Parameter(torch.tensor([[2.0]])), Parameter(torch.tensor([2.0]))
    optimizer = adamw({"m": matrix, "v": vector}, weight_decay=0.1, clip=1.0)
    matrix.grad, vector.grad = torch.tensor([[3.0]]), torch.tensor([-4.0])
    assert optimizer.step(0.01) == pytest.approx(5.0)
    assert matrix.item() == pytest.approx(2.0 * (1 - 0.001) - 0.01, abs=1e-6)
    assert vector.item() == pytest.approx(2.0 + 0.01, abs=1e-6)
    state = optimizer.state()
    # (1 - 0.9) g and (1 - 0.95) g^2 of the clipped gradients.
    assert state["exp_avg/m"].item() == pytest.approx(0.06, abs=1e-6)
    assert state["exp_avg_sq/v"].item() == pytest.approx(0.05 * 0.64, abs=1e-6)
    assert matrix.grad is None and vector.grad is None


def test_equals_plain_adamw_in_float64() -> None:
    optimizer = adamw(parameters(), weight_decay=0.1, clip=1.5, betas=(0.8, 0.9))
    plain = {name: Parameter(p.detach().double()) for name, p in parameters().items()}
    reference = torch.optim.AdamW(
        [{"params": [plain["matrix"]], "weight_decay": 0.1}, {"params": [plain["bias"]], "weight_decay": 0.0}],
        betas=(0.8, 0.9),
        foreach=False,
    )
    for step in range(6):
        lr = 0.02 / (step + 1)
        given = {name: g.double() for name, g in gradients(step).items()}
        norm = sum(float(g.square().sum()) for g in given.values()) ** 0.5
        for name, p in plain.items():
            p.grad = given[name] * min(1.0, 1.5 / norm)
        for group in reference.param_groups:
            group["lr"] = lr
        reference.step()
        assert train(optimizer, range(step, step + 1), lr) == pytest.approx([norm], rel=1e-5)
    for name, p in plain.items():
        torch.testing.assert_close(optimizer.parameters[name].detach().double(), p.detach(), atol=1e-6, rtol=0)


def test_updates_too_small_for_bfloat16_add_up() -> None:
    """100 steps of 1e-4 from 1.0 are 0.99. bfloat16 has 0.99609375 below 1: every single step rounds back to 1."""
    weight = Parameter(torch.ones(2, 2, dtype=torch.bfloat16))
    optimizer = adamw({"w": weight})
    direct = Parameter(torch.ones(2, 2, dtype=torch.bfloat16))
    plain = torch.optim.AdamW([direct], lr=1e-4, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for _ in range(100):
        give(optimizer, "w", torch.ones_like(weight))
        direct.grad = torch.ones_like(direct)
        optimizer.step(1e-4)
        plain.step()
    assert direct.unique().tolist() == [1.0], "without masters nothing is learnt"
    assert master(optimizer, "w").flatten().tolist() == pytest.approx([0.99] * 4, abs=1e-5)
    assert weight.dtype == torch.bfloat16
    assert weight.flatten().tolist() == [0.98828125] * 4  # the bfloat16 nearest to 0.99
    assert weight.grad is None


def test_bfloat16_model_steps_as_its_float32_masters_would() -> None:
    """The same gradients on weights that are float32 all along: equal to the last bit after every step."""
    halves = adamw(parameters(torch.bfloat16), weight_decay=0.1)
    whole = adamw({name: Parameter(p.detach().float()) for name, p in halves.parameters.items()}, weight_decay=0.1)
    for step in range(20):
        for name, gradient in gradients(step).items():
            rounded = gradient.bfloat16()
            give(halves, name, rounded)
            give(whole, name, rounded.float())
        assert halves.step(0.01) == whole.step(0.01)
        for name, p in whole.parameters.items():
            assert torch.equal(master(halves, name), p.detach()), (step, name)


def test_the_halves_of_a_float32_number() -> None:
    """bfloat16 is 1 at 1 and 1 + 2^-7 next: 1 + 2^-8 is halfway and goes up, leaving -2^15 of the last places of 1."""
    numbers = torch.tensor([1.0, 1.0 + 2**-8, 1.0 + 2**-8 - 2**-23, -1.0 - 2**-8, 0.0, 3.0e38, -1e-40])
    weight, low = torch.empty(7, dtype=torch.bfloat16), torch.empty(7, dtype=torch.int16)
    split(numbers.clone(), weight, low, torch.empty(7))
    assert weight[:5].tolist() == [1.0, 1.0078125, 1.0, -1.0078125, 0.0]
    assert low[:5].tolist() == [0, -(2**15), 2**15 - 1, -(2**15), 0]
    back = torch.empty(7)
    join(weight, low, out=back)
    assert torch.equal(back, numbers)


def test_every_finite_number_comes_back() -> None:
    bits = torch.randint(-(2**31), 2**31 - 1, (200_000,), generator=torch.Generator().manual_seed(3)).to(torch.int32)
    numbers = bits.view(torch.float32)
    numbers = numbers[numbers.abs() < 3.3e38]
    weight, low = torch.empty_like(numbers, dtype=torch.bfloat16), torch.empty_like(numbers, dtype=torch.int16)
    split(numbers.clone(), weight, low, torch.empty_like(numbers))
    back = torch.empty_like(numbers)
    join(weight, low, out=back)
    assert torch.equal(back.view(torch.int32), numbers.view(torch.int32))
    error = (weight.double() - numbers.double()).abs() / numbers.double().abs().clamp_min(1e-30)
    assert error.max() <= 2**-8 + 1e-9, "the weight is the nearest bfloat16"


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = adamw(parameters(torch.bfloat16))
    train(whole, range(3))
    monkeypatch.setattr(optimizer_module, "_PIECE", 5)
    pieces = adamw(parameters(torch.bfloat16))
    train(pieces, range(3))
    for name in SHAPES:  # the kernel rounds the last few of a piece differently
        torch.testing.assert_close(master(pieces, name), master(whole, name), atol=1e-7, rtol=1e-6)


def test_a_rehearsal_takes_the_same_step_and_changes_nothing() -> None:
    optimizer, other = adamw(parameters(torch.bfloat16)), adamw(parameters(torch.bfloat16))
    for name, gradient in gradients(0).items():
        give(optimizer, name, gradient)
        give(other, name, gradient)
    before = saved(optimizer)
    twin = optimizer.rehearsal()
    norm = twin.step(0.01)
    assert all(torch.equal(tensor, before[name]) for name, tensor in optimizer.state().items())
    assert optimizer.gradients().keys() == SHAPES.keys()
    assert norm == other.step(0.01)
    assert all(torch.equal(tensor, twin.state()[name]) for name, tensor in other.state().items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loading_a_state_goes_on_bit_for_bit(dtype: torch.dtype) -> None:
    whole = adamw(parameters(dtype), weight_decay=0.01)
    train(whole, range(3))
    kept = saved(whole)
    train(whole, range(3, 7))

    resumed = adamw(parameters(dtype, seed=9), weight_decay=0.01)
    resumed.load(kept)
    for name, tensor in kept.items():
        assert torch.equal(resumed.state()[name], tensor), name
    train(resumed, range(3, 7))
    assert saved(resumed).keys() == saved(whole).keys()
    for name, tensor in saved(whole).items():
        assert torch.equal(resumed.state()[name], tensor), name
    for name, tensor in weights(whole).items():
        assert torch.equal(resumed.parameters[name], tensor), name


def test_loading_copies() -> None:
    """Training on after a load must not write into what was loaded."""
    first = adamw(parameters())
    train(first, range(2))
    kept = saved(first)
    before = {name: tensor.clone() for name, tensor in kept.items()}
    second = adamw(parameters())
    second.load(kept)
    train(second, range(2, 4))
    assert all(torch.equal(kept[name], tensor) for name, tensor in before.items())


def test_loading_a_state_of_no_steps_forgets_the_moments() -> None:
    fresh = saved(adamw(parameters()))
    used = adamw(parameters())
    train(used, range(3))
    used.load(fresh)
    train(used, range(1))
    other = adamw(parameters())
    train(other, range(1))
    assert all(torch.equal(tensor, used.state()[name]) for name, tensor in other.state().items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_gradient_that_is_not_finite_changes_nothing(bad: float, dtype: torch.dtype) -> None:
    optimizer = adamw(parameters(dtype), weight_decay=0.1)
    train(optimizer, range(2))
    before, seen = saved(optimizer), weights(optimizer)
    for name, gradient in gradients(2).items():
        gradient.flatten()[0] = bad
        give(optimizer, name, gradient)
    norm = optimizer.step(0.01)
    assert norm != norm or norm == float("inf")
    assert all(torch.equal(tensor, before[name]) for name, tensor in optimizer.state().items())
    assert all(torch.equal(p, seen[name]) for name, p in optimizer.parameters.items())
    assert all(p.grad is None for p in optimizer.parameters.values())
    assert not optimizer.gradients(), "the bad gradient is gone too"
    train(optimizer, range(3, 4))
    assert all(p.isfinite().all() for p in optimizer.parameters.values())


def test_only_matrices_or_only_vectors() -> None:
    for name in SHAPES:
        only = {name: parameters()[name]}
        optimizer = adamw(only)
        before = only[name].detach().clone()
        only[name].grad = gradients(0)[name]
        optimizer.step(0.01)
        assert not torch.equal(only[name], before)


def test_micro_batches_of_a_bfloat16_model_are_summed_in_float32() -> None:
    """1 + 2**-9 is 1 in bfloat16, which keeps 8 bits."""
    optimizer = adamw(parameters(torch.bfloat16), clip=100.0)
    for size in (1.0, 2.0**-9):
        give(optimizer, "matrix", torch.full(SHAPES["matrix"], size))
    gradient = optimizer.gradients()["matrix"]
    assert gradient.dtype == torch.float32
    assert torch.equal(gradient, torch.full(SHAPES["matrix"], 1 + 2.0**-9))
    assert optimizer.step(0.01) == pytest.approx(12**0.5 * (1 + 2.0**-9), rel=1e-6)


def test_one_pass_a_step_keeps_its_gradients_where_they_are() -> None:
    optimizer = adamw(parameters(torch.bfloat16), sums=False)
    give(optimizer, "matrix", gradients(0)["matrix"])
    p = optimizer.parameters["matrix"]
    assert p.grad is not None and optimizer.gradients()["matrix"] is p.grad
    optimizer.step(0.01)
    assert p.grad is None
