"""Attention written out against the fused kernel in float64, and its derivative against numeric ones."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stillhouse.distill.attention import attend, use_own_attention
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, tokens


def inputs(dtype: torch.dtype, before: int = 3, dim: int = 8) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two texts, six heads on two groups, four queries after `before` keys; values are two narrower than keys."""
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(2, 6, 4, dim, generator=generator, dtype=torch.double)
    key, value = (torch.randn(2, 2, 4 + before, d, generator=generator, dtype=torch.double) for d in (dim, dim - 2))
    allowed = torch.ones(4, 4 + before, dtype=torch.bool).tril(before)[None, None]
    given = [x.to(dtype).requires_grad_() for x in (query, key, value)]
    return given[0], given[1], given[2], allowed


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 0.02)])
def test_equals_the_fused_kernel_in_float64(dtype: torch.dtype, tolerance: float, before: int) -> None:
    query, key, value, allowed = inputs(dtype, before)
    precise = [x.detach().double().requires_grad_() for x in (query, key, value)]
    out = attend(query, key, value, allowed, 0.3)
    expected = F.scaled_dot_product_attention(
        precise[0], precise[1], precise[2], attn_mask=allowed, scale=0.3, enable_gqa=True
    )
    torch.testing.assert_close(out.double(), expected, atol=tolerance, rtol=0)
    probe = torch.randn(out.shape, generator=torch.Generator().manual_seed(2), dtype=torch.double).to(dtype)
    got = torch.autograd.grad(out, [query, key, value], probe)
    for a, b in zip(got, torch.autograd.grad(expected, precise, probe.double()), strict=True):
        torch.testing.assert_close(a.double(), b, atol=3 * tolerance, rtol=0)


def test_scores_are_not_rounded_to_bfloat16() -> None:
    """A scale that is no power of two: rounding scaled queries would double the error of the fused kernel."""
    query, key, value, allowed = inputs(torch.bfloat16, before=60, dim=96)
    precise = [x.detach().double() for x in (query, key, value)]
    options: dict[str, Any] = {"attn_mask": allowed, "scale": 96**-0.5, "enable_gqa": True}
    true = F.scaled_dot_product_attention(precise[0], precise[1], precise[2], **options)
    fused = F.scaled_dot_product_attention(query, key, value, **options)
    error = [
        float((x.detach().double() - true).square().mean())
        for x in (attend(query, key, value, allowed, 96**-0.5), fused)
    ]
    assert error[0] < 2.5 * error[1], "rounded, it would be 4 times"


def test_derivative_of_capped_scores() -> None:
    query, key, value, allowed = inputs(torch.float32)
    out = attend(query, key, value, allowed, 0.5, 1.5)
    precise = [x.detach().double().requires_grad_() for x in (query, key, value)]
    keys, values = (x.repeat_interleave(3, dim=1) for x in precise[1:])
    scores = 1.5 * torch.tanh(precise[0] @ keys.transpose(2, 3) * 0.5 / 1.5)
    expected = scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ values
    torch.testing.assert_close(out.double(), expected, atol=1e-6, rtol=0)
    probe = torch.randn(out.shape, generator=torch.Generator().manual_seed(2))
    got = torch.autograd.grad(out, [query, key, value], probe)
    for a, b in zip(got, torch.autograd.grad(expected, precise, probe.double()), strict=True):
        torch.testing.assert_close(a.double(), b, atol=3e-6, rtol=0)


def test_one_query_by_hand() -> None:
    """Scores ln 3 and 0 make weights 3/4 and 1/4; a third key is not allowed."""
    query, key = torch.tensor([[[[1.0986122886681098]]]]), torch.tensor([[[[1.0], [0.0], [9.0]]]])
    value = torch.tensor([[[[4.0], [8.0], [100.0]]]])
    allowed = torch.tensor([[[[True, True, False]]]])
    assert attend(query, key, value, allowed, 1.0).item() == pytest.approx(5.0)


@FAMILIES
def test_texts_that_are_not_packed_are_attended_as_before(family: str, tiny_llama: TinyLlama) -> None:
    model, ids = family_model(family, tiny_llama), tokens(10, 2)
    with torch.no_grad():
        before = model(ids, use_cache=False).logits
        use_own_attention(model)
        use_own_attention(model)
        torch.testing.assert_close(model(ids, use_cache=False).logits, before, atol=1e-5, rtol=1e-5)
