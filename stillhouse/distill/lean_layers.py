"""Norms and gates of plain decoders with their derivatives by hand: fewer passes, and less that must be kept.

Written as Transformers writes them, a norm leaves two float32 arrays of the hidden states behind for the backward
pass, and a gate four arrays of the intermediate size. What the derivative needs is the input and one number a token,
and the two factors. In a student of 14 layers that is a third of a training step's activations.

They compute what the modules of Transformers compute and replace the `forward` of exactly those.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm
from transformers.models.mistral.modeling_mistral import MistralMLP, MistralRMSNorm
from transformers.models.qwen2.modeling_qwen2 import Qwen2MLP, Qwen2RMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3MLP, Qwen3RMSNorm

__all__ = ["gated", "rms_norm", "use_lean_layers"]

_NORMS = (LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm, Qwen3RMSNorm)
_MLPS = (LlamaMLP, MistralMLP, Qwen2MLP, Qwen3MLP)


def use_lean_layers(model: PreTrainedModel) -> None:
    """Let the norms and gates of `model` compute by this module where they are of a known kind."""
    for module in model.modules():
        if type(module) in _NORMS:
            module.forward = _Norm(module)
        elif type(module) in _MLPS and model.config.get_text_config().hidden_act == "silu":
            module.forward = _Mlp(module)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """weight * x / sqrt(mean(x^2) + epsilon) over the last dimension, normalised in float32 (arXiv 1910.07467)."""
    out: Tensor = _RmsNorm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]
    return out


def gated(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up (SwiGLU, arXiv 2002.05202, eq. 6)."""
    out: Tensor = _Gated.apply(gate, up)  # type: ignore[no-untyped-call]
    return out


class _Norm:
    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.module.weight, self.module.variance_epsilon)


class _Mlp:
    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = self.module.down_proj(gated(self.module.gate_proj(x), self.module.up_proj(x)))
        return out


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(
            x, dim=-1, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32)
        )
        scale = norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        out: Tensor = (x * scale).to(x.dtype) * weight
        return out

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor | None, None]:
        x, weight, scale = ctx.saved_tensors
        unit = x * scale  # float32, as the scale is
        slope = upstream[0].to(scale.dtype)
        product = unit * slope
        grad_weight = product.flatten(0, -2).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        mean = torch.matmul(product, weight.to(scale.dtype)).div_(x.shape[-1])[..., None]
        grad = (slope * weight).sub_(unit.mul_(mean)).mul_(scale)
        return grad.to(x.dtype), grad_weight, None


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        grad_gate: Tensor = torch.ops.aten.silu_backward(upstream[0] * up, gate)
        return grad_gate, F.silu(gate).mul_(upstream[0])
