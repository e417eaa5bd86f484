"""One step of decoding: from the newest tokens of each answer to hidden states, by the library or by a leaner way.

A decode of eight answers multiplies eight rows with every weight. On a CPU that is some milliseconds, and the
operations of Transformers, some sixty a layer, take time before they compute anything. Besides, oneDNN wants
bfloat16 weights in an order of its own and, given plain ones, reorders them in every product. Weights do not change
while a phase of answers is written. So for the plain decoders that most open models are (Llama, Mistral, Qwen 2 and
3), in bfloat16 on a CPU, the weights are laid out once for a phase and a layer is some twenty operations: products that
belong together in one, the residual added inside the product. Everything else decodes through the library.
"""

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaDecoderLayer
from transformers.models.mistral.modeling_mistral import MistralDecoderLayer
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

from stillhouse.distill.kv_cache import InPlaceCache
from stillhouse.distill.loss import Head

__all__ = ["Decoder", "LeanDecoder", "LibraryDecoder", "decoder", "has_bfloat16_products"]

_PLAIN = (LlamaDecoderLayer, MistralDecoderLayer, Qwen2DecoderLayer, Qwen3DecoderLayer)


class Decoder(Protocol):
    """A model whose weights stay as they are for as long as this is used."""

    def hidden(self, ids_BT: Tensor, position_BT: Tensor, real_BS: Tensor | None, cache: InPlaceCache) -> Tensor:
        """Last hidden states [B, H] of the newest T tokens' last, whose keys and values go into `cache`.

        `real_BS` (bool) is false where one of the S tokens so far is padding; None where none is.
        """
        ...

    def logits(self, hidden_BH: Tensor) -> Tensor:
        """float32 logits [B, V], a new array."""
        ...


def decoder(model: PreTrainedModel, head: Head, rows: int) -> Decoder:
    """The fastest decoder that serves `model`, for about `rows` answers at a time."""
    return LeanDecoder(model, head, rows) if LeanDecoder.serves(model) else LibraryDecoder(model, head)


class LibraryDecoder:
    """Decoding by the model's own forward pass."""

    def __init__(self, model: PreTrainedModel, head: Head) -> None:
        self.model, self.logits = model, head.logits

    def hidden(self, ids_BT: Tensor, position_BT: Tensor, real_BS: Tensor | None, cache: InPlaceCache) -> Tensor:
        """See `Decoder`."""
        found: Tensor = self.model.base_model(
            input_ids=ids_BT, attention_mask=real_BS, position_ids=position_BT, past_key_values=cache, use_cache=True
        ).last_hidden_state
        return found[:, -1]


class LeanDecoder:
    """The forward pass of plain pre-norm decoders with rotary positions, from weights laid out for `rows` rows."""

    def __init__(self, model: PreTrainedModel, head: Head, rows: int) -> None:
        base: Any = model.base_model
        self.embedding, self.rotary, self.norm = base.embed_tokens.weight, base.rotary_emb, base.norm
        self.layers = [_Layer(layer, rows) for layer in base.layers]
        self.head = head
        self.project = _Product([head.weight_VH[: head.vocabulary]], [None], rows)

    @staticmethod
    def serves(model: PreTrainedModel) -> bool:
        """Whether this is a model, a number type and a machine that it can be used for."""
        layers = getattr(model.base_model, "layers", None)
        return (
            model.device.type == "cpu"
            and model.dtype == torch.bfloat16
            and has_bfloat16_products()
            and isinstance(layers, nn.ModuleList)
            and all(type(layer) in _PLAIN and _Layer.serves(layer) for layer in layers)
        )

    @torch.no_grad()
    def hidden(self, ids_BT: Tensor, position_BT: Tensor, real_BS: Tensor | None, cache: InPlaceCache) -> Tensor:
        """See `Decoder`."""
        x_BTH = F.embedding(ids_BT, self.embedding)
        cos_BTD, sin_BTD = self.rotary(x_BTH, position_ids=position_BT)
        # rotate_half(x) sin  is  roll(x) (-sin, sin), in halves.
        half = sin_BTD.shape[-1] // 2
        sin_BTD = torch.cat([-sin_BTD[..., :half], sin_BTD[..., half:]], dim=-1)
        turn = cos_BTD[:, :, None], sin_BTD[:, :, None]
        allowed = _allowed(ids_BT.shape[1], cache.get_seq_length(), real_BS, ids_BT.device)
        for index, layer in enumerate(self.layers):
            x_BTH = layer(x_BTH, turn, allowed, cache, index)
        found: Tensor = self.norm(x_BTH[:, -1])
        return found

    def logits(self, hidden_BH: Tensor) -> Tensor:
        """See `Decoder`."""
        return self.head.capped(self.project(hidden_BH).float())


def has_bfloat16_products() -> bool:
    """Whether this build of PyTorch has oneDNN and this CPU what oneDNN needs for bfloat16."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class _Layer:
    def __init__(self, layer: Any, rows: int) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.dim, self.scale = attention.head_dim, attention.scaling
        self.heads = attention.q_proj.out_features // self.dim
        self.groups = attention.k_proj.out_features // self.dim
        self.norm, self.norm_mlp, self.activate = layer.input_layernorm, layer.post_attention_layernorm, mlp.act_fn
        self.norm_query, self.norm_key = getattr(attention, "q_norm", None), getattr(attention, "k_norm", None)
        self.query_key_value = _Product.of([attention.q_proj, attention.k_proj, attention.v_proj], rows)
        self.gate_up = _Product.of([mlp.gate_proj, mlp.up_proj], rows)
        self.output, self.down = _Product.of([attention.o_proj], rows), _Product.of([mlp.down_proj], rows)

    @staticmethod
    def serves(layer: Any) -> bool:
        """No window, and linear layers without adapters."""
        attention, mlp = layer.self_attn, layer.mlp
        linear = [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj]
        linear += [mlp.gate_proj, mlp.up_proj, mlp.down_proj]
        # Mistral keeps its window in the config only; Qwen 2 says for each layer whether the config's counts.
        window = getattr(attention, "sliding_window", getattr(attention.config, "sliding_window", None))
        return window is None and all(type(x) is nn.Linear for x in linear)

    def __call__(
        self,
        x_BTH: Tensor,
        turn: tuple[Tensor, Tensor],
        allowed: Tensor | None,
        cache: InPlaceCache,
        index: int,
    ) -> Tensor:
        rows, length, _ = x_BTH.shape
        turned = self.heads + self.groups
        products = self.query_key_value(self.norm(x_BTH)).view(rows, length, turned + self.groups, self.dim)
        query_key = products[:, :, :turned]
        if self.norm_query is not None and self.norm_key is not None:
            parts = self.norm_query(query_key[:, :, : self.heads]), self.norm_key(query_key[:, :, self.heads :])
            query_key = torch.cat(parts, dim=2)
        cos, sin = turn
        query_key = torch.addcmul(query_key * cos, query_key.roll(self.dim // 2, -1), sin).transpose(1, 2)
        key, value = cache.update(query_key[:, self.heads :], products[:, :, turned:].transpose(1, 2), index)
        query = query_key[:, : self.heads]
        if length == 1:  # the queries that share keys as one text of several queries: no copies of keys
            query = query.reshape(rows, self.groups, -1, self.dim)
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, scale=self.scale, enable_gqa=length > 1
        )
        mixed = mixed.reshape(rows, self.heads, length, self.dim).transpose(1, 2).reshape(rows, length, -1)
        x_BTH = self.output.plus(mixed, x_BTH)
        gate, up = self.gate_up(self.norm_mlp(x_BTH)).chunk(2, dim=-1)
        return self.down.plus(self.activate(gate).mul_(up), x_BTH)


class _Product:
    """x W^T + b for several weights [out, in] of one input at once, laid out as oneDNN wants them for `rows` rows."""

    def __init__(self, weights: list[Tensor], biases: list[Tensor | None], rows: int) -> None:
        weight = torch.cat([w.detach() for w in weights]) if len(weights) > 1 else weights[0].detach()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        given = [b.detach() for b in biases if b is not None]
        self.bias = torch.cat(given) if given else None

    @classmethod
    def of(cls, linear: list[nn.Linear], rows: int) -> "_Product":
        """All of `linear` have a bias, or none has."""
        return cls([x.weight for x in linear], [x.bias for x in linear], rows)

    def __call__(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")
        return product

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        """The product and `residual`, added before rounding."""
        total: Tensor = torch.ops.mkldnn._linear_pointwise(x, residual, self.packed, self.bias, "add")
        return total


def _allowed(length: int, before: int, real_BS: Tensor | None, device: torch.device) -> Tensor | None:
    """bool [B or 1, 1, T, S]: the keys that each of the newest T tokens sees; None for all.

    Padding sees itself, so that no row of scores is empty.
    """
    if length == 1:
        return None if real_BS is None else real_BS[:, None, None]
    query = torch.arange(before, before + length, device=device)[:, None]
    key = torch.arange(before + length, device=device)[None]
    causal = (key <= query)[None, None]
    return causal if real_BS is None else (causal & real_BS[:, None, None]) | (key == query)
