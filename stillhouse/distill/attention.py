"""The attention that models of Transformers are given here: it knows packed texts, and is quick on short ones.

PyTorch's fused kernel keeps no scores, which is what long texts need. On a CPU at the lengths of a rollout its backward
pass takes two to three times as long as the plain products, and its forward pass is no faster (dev/LOG.md,
2026-11-24). So short texts are multiplied out. Scores and their softmax are float32, as inside the fused kernel; what
is kept for the backward pass are the probabilities in the model's own number type. Longer texts, GPUs and decoding go
to the fused kernel.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from stillhouse.distill.packing import Packing
from stillhouse.errors import ModelError

__all__ = ["attend", "use_own_attention"]

_NAME = "stillhouse"
_LEAST = torch.finfo(torch.float32).min  # not -inf: padding that sees nothing must stay finite
_MOST_SCORES = 1 << 22  # of a layer: 16 MiB of float32


def use_own_attention(model: PreTrainedModel) -> None:
    """Let `model` attend by this module. ModelError if its attention cannot be exchanged."""
    config = model.config.get_text_config()
    if config._attn_implementation == _NAME:
        return
    capped = config._attn_implementation == "eager" and getattr(config, "attn_logit_softcapping", None) is not None
    if config._attn_implementation != "sdpa" and not capped:
        raise ModelError(
            f"{type(model).__name__} attends by '{config._attn_implementation}'; give a model that Transformers can "
            "load with attn_implementation='sdpa'"
        )
    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    model.set_attn_implementation(_NAME)


def attend(
    query: Tensor, key: Tensor, value: Tensor, allowed: Tensor, scale: float, softcap: float | None = None
) -> Tensor:
    """softmax(query key^T * scale) value: [B, heads, T, E] from queries [B, heads, T, D], keys and values.

    Keys are [B, groups, S, D] and values [B, groups, S, E]; `heads` is a multiple of `groups`. `allowed` (bool,
    broadcast to [B, 1, T, S]) says which keys a query sees. With `softcap` c, scores x become c tanh(x / c) (Gemma 2,
    arXiv 2408.00118, section 2), which no fused kernel does.
    """
    out: Tensor = _Attend.apply(query, key, value, allowed, scale, softcap)  # type: ignore[no-untyped-call]
    return out


class _Attend(torch.autograd.Function):
    """X = B * groups, Q = heads / groups * T: all queries of the heads that share keys stand below one another."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, allowed: Tensor, scale: float, softcap: float | None
    ) -> Tensor:
        rows, heads, length, dim = query.shape
        groups, seen = key.shape[1:3]
        query_XQD = query.reshape(rows * groups, -1, dim)
        key_XSD, value_XSE = key.reshape(rows * groups, seen, dim), value.reshape(rows * groups, seen, -1)
        scores_XQS = torch.bmm(query_XQD.float() * scale, key_XSD.float().transpose(1, 2))
        tanh_XQS = None
        if softcap is not None:
            tanh_XQS = scores_XQS.div_(softcap).tanh_()
            scores_XQS = tanh_XQS * softcap
        scores_XQS.view(rows, groups, -1, length, seen).masked_fill_(~allowed[:, :, None], _LEAST)
        p_XQS = torch.softmax(scores_XQS, dim=-1).to(value.dtype)
        out_XQE = torch.bmm(p_XQS, value_XSE)
        ctx.save_for_backward(query_XQD, key_XSD, value_XSE, p_XQS, out_XQE, tanh_XQS)
        ctx.scale, ctx.shapes = scale, (query.shape, key.shape, value.shape)
        return out_XQE.view(rows, heads, length, -1)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        query_XQD, key_XSD, value_XSE, p_XQS, out_XQE, tanh_XQS = ctx.saved_tensors
        of_query, of_key, of_value = ctx.shapes
        grad_XQE = upstream[0].reshape(out_XQE.shape)
        grad_value = torch.bmm(p_XQS.transpose(1, 2), grad_XQE)
        # d softmax: p (g - sum_j p_j g_j), and sum_j p_j g_j is the product of the output with its gradient.
        mean_XQ1 = (out_XQE.float() * grad_XQE.float()).sum(-1, keepdim=True)
        slope_XQS = torch.bmm(grad_XQE, value_XSE.transpose(1, 2)).float().sub_(mean_XQ1).mul_(p_XQS).mul_(ctx.scale)
        if tanh_XQS is not None:
            slope_XQS.mul_(1 - tanh_XQS.square())
        slope_XQS = slope_XQS.to(query_XQD.dtype)
        grad_query = torch.bmm(slope_XQS, key_XSD)
        grad_key = torch.bmm(slope_XQS.transpose(1, 2), query_XQD)
        return grad_query.view(of_query), grad_key.view(of_key), grad_value.view(of_value), None, None, None


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Packing | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """The signature of Transformers: [B, heads, T, D] in, [B, T, heads, D] out."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling

    def core(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
        rows, heads, length, _ = query.shape
        short = query.device.type == "cpu" and rows * heads * length * key.shape[2] <= _MOST_SCORES
        if softcap is not None or (short and dropout == 0):
            return attend(query, key, value, allowed, scale, softcap)
        if query.device.type != "cpu":  # there, masks and shared keys together have no fused kernel
            key, value = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (key, value))
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=dropout, scale=scale, enable_gqa=key.shape[1] != heads
        )

    if packing is not None:
        query, key, value = (x[0].transpose(0, 1) for x in (query, key, value))
        return packing.attention(query, key, value, core, sliding_window)[None], None
    if softcap is not None:
        length, seen = query.shape[2], key.shape[2]
        if attention_mask is None:  # causal, as the fused kernel takes it
            attention_mask = torch.ones(length, seen, dtype=torch.bool, device=query.device).tril(seen - length)[
                None, None
            ]
        return core(query, key, value, attention_mask).transpose(1, 2).contiguous(), None
    whole: tuple[Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
    )
    return whole
