"""Norms and gates against the modules of Transformers, and their derivatives against numeric ones."""

from typing import Any

import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from stillhouse.distill.lean_layers import gated, rms_norm, use_lean_layers
from tests.conftest import TinyLlama
from tests.distill.families import family_model, tokens


def double(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.double).requires_grad_()


def test_norm_by_hand() -> None:
    """(3, 4): mean square 12.5, so 3 / sqrt(12.5 + 3.5) = 0.75 and 1; times weights (2, -1)."""
    out = rms_norm(torch.tensor([[3.0, 4.0]]), torch.tensor([2.0, -1.0]), 3.5)
    assert out[0].tolist() == pytest.approx([1.5, -1.0])


def test_gate_by_hand() -> None:
    """silu(ln 3) = ln 3 * 3/4."""
    out = gated(torch.tensor([1.0986122886681098]), torch.tensor([4.0]))
    assert out.item() == pytest.approx(3 * 1.0986122886681098)


def test_derivatives() -> None:
    assert torch.autograd.gradcheck(lambda x, w: rms_norm(x, w, 0.1), (double(3, 2, 5), double(5, seed=1)))
    assert torch.autograd.gradcheck(gated, (double(3, 4), double(3, 4, seed=2)))


def test_the_given_gradient_is_left_alone() -> None:
    for out in (rms_norm(double(2, 4).float(), torch.ones(4), 0.1), gated(double(2, 4), double(2, 4, seed=1))):
        given = torch.ones_like(out)
        out.backward(given)
        assert (given == 1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_same_numbers_as_the_modules(dtype: torch.dtype) -> None:
    x, weight = double(4, 7, 16).detach().to(dtype), double(16, seed=3).detach().to(dtype)
    module: Any = LlamaRMSNorm(16, eps=1e-5)
    module.weight = torch.nn.Parameter(weight)
    torch.testing.assert_close(rms_norm(x, weight, 1e-5), module(x), rtol=2e-6 if dtype == torch.float32 else 0, atol=0)


def test_only_known_kinds_are_exchanged(tiny_llama: TinyLlama) -> None:
    model, other = tiny_llama(layers=2, vocab=300), family_model("gemma3", tiny_llama)
    ids = tokens(9)
    with torch.no_grad():
        before, others = model(ids).logits, other(ids).logits
        for changed in (model, other):
            use_lean_layers(changed)
        torch.testing.assert_close(model(ids).logits, before, atol=1e-5, rtol=1e-5)
        assert torch.equal(other(ids).logits, others)
    own = {type(m).__name__ for m in model.modules() if "forward" in vars(m)}
    assert own == {LlamaRMSNorm.__name__, LlamaMLP.__name__}
    assert not any("forward" in vars(m) for m in other.modules())


def test_another_activation_keeps_its_gate(tiny_llama: TinyLlama) -> None:
    model = tiny_llama(layers=1, vocab=300)
    model.config.hidden_act = "gelu"
    use_lean_layers(model)
    assert not any("forward" in vars(m) for m in model.modules() if isinstance(m, LlamaMLP))
