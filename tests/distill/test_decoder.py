"""The lean decoder against the library's: hidden states, logits, and whole answers."""

from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from stillhouse.distill.decoder import Decoder, LeanDecoder, LibraryDecoder, decoder, has_bfloat16_products
from stillhouse.distill.kv_cache import InPlaceCache
from stillhouse.distill.network import Network
from tests.conftest import TinyLlama
from tests.distill.families import SHAPE, family_model, tokens

needs_bfloat16 = pytest.mark.skipif(
    not has_bfloat16_products(), reason="this CPU has no products that oneDNN does in bfloat16"
)
PLAIN = pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "mistral"])


def plain_model(family: str, tiny_llama: TinyLlama) -> Any:
    """A model without windows whose norms and biases are not what they are initialised to."""
    model: Any
    if family in ("mistral", "qwen2"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            if family == "qwen2":
                model = Qwen2ForCausalLM(Qwen2Config(**SHAPE)).eval()
            else:
                model = MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=None)).eval()
    else:
        model = family_model(family, tiny_llama)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        for p in model.parameters():
            if p.ndim == 1:
                p.add_(torch.randn_like(p) * 0.3)
    return model


@needs_bfloat16
@pytest.mark.parametrize("padded", [False, True])
@PLAIN
def test_equals_the_library(family: str, padded: bool, tiny_llama: TinyLlama) -> None:
    """A shared beginning, the rest of the prompts (one padded on the left), then two tokens; two rows go on.

    Both are compared with the float32 model: bfloat16 rounds differently along the two ways.
    """
    model = plain_model(family, tiny_llama)
    precise = LibraryDecoder(model, Network(model, 290).head)
    halves = plain_model(family, tiny_llama)
    halves.load_state_dict(model.state_dict())
    halves = halves.bfloat16()
    model.load_state_dict(halves.state_dict())
    head = Network(halves, 290).head
    assert LeanDecoder.serves(halves)
    ways: list[Decoder] = [precise, LibraryDecoder(halves, head), LeanDecoder(halves, head, 3)]
    found = []
    for way in ways:
        cache = InPlaceCache(6, 12)
        way.hidden(tokens(3, 1), torch.arange(3)[None], None, cache)
        cache.spread(3)
        real = torch.ones(3, 12, dtype=torch.bool)
        position = torch.arange(3, 7).expand(3, 4)
        last = torch.full((3,), 7)
        if padded:
            real[1, 3:5] = False
            position, last = position.clone(), torch.tensor([7, 5, 7])
            position[1] = torch.tensor([0, 0, 3, 4])
        seen = [way.logits(way.hidden(tokens(4, 3, seed=9), position, real[:, :7] if padded else None, cache))]
        kept = torch.tensor([2, 1])
        cache.keep_rows(kept)
        for t in range(2):
            step, mask = tokens(1, 2, seed=30 + t), real[kept, : 8 + t] if padded else None
            seen.append(way.logits(way.hidden(step, (last[kept] + t)[:, None], mask, cache)))
        found.append(torch.cat(seen))
    true, library, lean = found
    error = [(x - true).square().mean().sqrt() / true.square().mean().sqrt() for x in (library, lean)]
    assert true.square().mean().sqrt() > 0.1
    assert error[1] < 0.05 and error[1] < 1.5 * error[0] + 1e-3


@needs_bfloat16
def test_who_is_served(tiny_llama: TinyLlama) -> None:
    half = plain_model("llama", tiny_llama).bfloat16()
    assert isinstance(decoder(half, Network(half, 290).head, 4), LeanDecoder)
    for model in (
        plain_model("llama", tiny_llama),  # float32
        family_model("gemma3", tiny_llama).bfloat16(),  # other norms
        family_model("qwen2", tiny_llama).bfloat16(),  # windows that the layers name
        family_model("mistral", tiny_llama).bfloat16(),  # a window that the config names
    ):
        assert isinstance(decoder(model, Network(model, 290).head, 4), LibraryDecoder)
