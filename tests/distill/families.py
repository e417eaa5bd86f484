"""One tiny model of each family that can be cut, and what it computes with some layers left out."""

from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.conftest import TinyLlama

__all__ = ["FAMILIES", "family_model", "logits_without", "tokens"]

FAMILIES = pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"])

SHAPE: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "pad_token_id": 0,
}
WINDOWED: dict[str, Any] = {"layer_types": ["sliding_attention", "full_attention"] * 3, "sliding_window": 4}


def family_model(family: str, tiny_llama: TinyLlama) -> Any:
    """Six layers of `family`; the windowed ones have a window shorter than `tokens`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model: Any
        if family == "llama":
            model = tiny_llama(layers=6, vocab=300)
        elif family == "mistral":
            model = MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=4))
        elif family == "qwen2":
            model = Qwen2ForCausalLM(
                Qwen2Config(**SHAPE, **WINDOWED, use_sliding_window=True, tie_word_embeddings=True)
            )
        elif family == "qwen3":
            model = Qwen3ForCausalLM(Qwen3Config(**SHAPE, tie_word_embeddings=False))
        elif family == "gemma2":
            model = Gemma2ForCausalLM(Gemma2Config(**SHAPE, **WINDOWED, final_logit_softcapping=2.0))
        else:
            model = Gemma3ForCausalLM(Gemma3TextConfig(**SHAPE, **WINDOWED))
    return model.eval()


def tokens(length: int = 12, batch: int = 2, seed: int = 5) -> torch.Tensor:
    """Token ids [batch, length], none of them special."""
    return torch.randint(3, 290, (batch, length), generator=torch.Generator().manual_seed(seed))


def logits_without(model: Any, gone: list[int], ids: torch.Tensor) -> torch.Tensor:
    """Logits of the whole model with the layers `gone` made to hand their input on."""
    hooks = [model.model.layers[i].register_forward_hook(lambda module, args, output: args[0]) for i in gone]
    with torch.inference_mode():
        logits: torch.Tensor = model(ids, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return logits
