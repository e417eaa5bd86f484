"""A language model as training sees it: hidden states in the middle, a head at the end.

Models differ in how they wrap this (adapters, soft caps, tied embeddings). The rest of `distill` sees only
`hidden` and `head`, so that the vocabulary projection happens where and when we choose: on completion
tokens, a chunk at a time.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from stillhouse.distill.kv_cache import PrefixCache
from stillhouse.distill.loss import Head
from stillhouse.errors import ModelError

__all__ = ["Network"]


class Network:
    """A causal language model and the `vocabulary` (number of token ids) that its tokenizer can produce."""

    def __init__(self, model: PreTrainedModel, vocabulary: int, wrapper: Any = None) -> None:
        self.model = model
        self.wrapper = wrapper
        """The peft model around `model`, if adapters are trained."""
        head = model.get_output_embeddings()
        if head is None or getattr(head, "bias", None) is not None:
            raise ModelError(f"{type(model).__name__}: no bias-free output projection; use a causal language model")
        if len(head.weight) < vocabulary:
            raise ModelError(
                f"{type(model).__name__} has {len(head.weight)} vocabulary rows for a tokenizer of {vocabulary}; "
                "resize its embeddings or give the tokenizer that belongs to it"
            )
        for scale in ("logits_scaling", "logit_scale"):
            if getattr(model.config.get_text_config(), scale, None) not in (None, 1, 1.0):
                raise ModelError(f"{type(model).__name__} scales its logits ({scale}), which is not supported")
        self.vocabulary = vocabulary

    @property
    def head(self) -> Head:
        config = self.model.config.get_text_config()
        softcap = getattr(config, "final_logit_softcapping", None)
        return Head(self.model.get_output_embeddings().weight, self.vocabulary, softcap)

    @property
    def device(self) -> torch.device:
        return self.head.weight_VH.device

    def hidden(self, ids_BT: Tensor, shared: int = 0) -> Tensor:
        """Last hidden states [B, T - shared, H] of right-padded rows whose first `shared` tokens are the same.

        Padding needs no mask: nothing real attends to it. The shared tokens are read once for all rows, in
        training as well; with activation checkpointing, which keeps no keys and values, they are read in each.
        """
        if shared == 0 or self.model.is_activation_checkpointing:
            output: Tensor = self.model.base_model(input_ids=ids_BT, use_cache=False).last_hidden_state
            return output[:, shared:]
        cache = PrefixCache(self.model.config.get_text_config().num_hidden_layers)
        self.model.base_model(input_ids=ids_BT[:1, :shared], past_key_values=cache, use_cache=True)
        rest: Tensor = self.model.base_model(
            input_ids=ids_BT[:, shared:], past_key_values=cache, use_cache=True
        ).last_hidden_state
        return rest
