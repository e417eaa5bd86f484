"""Both measures of a layer's importance equal what the whole model, run with layers left out, says."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from stillhouse.distill.importance import block_influence, removals_by_kl
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, logits_without, tokens


@FAMILIES
def test_block_influence_by_hand(family: str, tiny_llama: TinyLlama) -> None:
    model = family_model(family, tiny_llama)
    batches = [tokens(12, 2), tokens(7, 1, seed=6)]
    sums, count = [0.0] * 6, 0
    for batch in batches:
        caught: list[tuple[torch.Tensor, torch.Tensor]] = []
        hooks = [
            layer.register_forward_hook(lambda module, args, output, caught=caught: caught.append((args[0], output)))
            for layer in model.model.layers
        ]
        with torch.inference_mode():
            model(batch)
        for hook in hooks:
            hook.remove()
        count += batch.numel()
        for layer, (before, after) in enumerate(caught):
            for x, y in zip(before.flatten(0, 1).double(), after.flatten(0, 1).double(), strict=True):
                sums[layer] += float(x @ y) / (math.sqrt(float(x @ x)) * math.sqrt(float(y @ y)))
    assert block_influence(model, batches) == pytest.approx([1 - total / count for total in sums], abs=1e-5)


@FAMILIES
def test_scores_are_the_divergence_of_the_cut_model(family: str, tiny_llama: TinyLlama) -> None:
    model = family_model(family, tiny_llama)
    batches = [tokens(12, 1), tokens(7, 1, seed=6)]
    removed = removals_by_kl(model, batches, 3, candidates=6)
    for n in (1, 2, 3):
        gone = sorted(removal.layer for removal in removed[:n])
        assert removed[n - 1].score == pytest.approx(divergence(model, gone, batches), rel=1e-4)
    first = [divergence(model, [layer], batches) for layer in range(6)]
    assert removed[0].layer == first.index(min(first))


def divergence(model: Any, gone: list[int], batches: list[torch.Tensor]) -> float:
    """KL(whole || cut) in float64, averaged over every other token of each sequence's later half."""
    values = []
    for batch in batches:
        half = batch.shape[1] // 2
        whole = F.log_softmax(logits_without(model, [], batch)[:, half::2].double(), -1)
        cut = F.log_softmax(logits_without(model, gone, batch)[:, half::2].double(), -1)
        values.append((whole.exp() * (whole - cut)).sum(-1).flatten())
    return float(torch.cat(values).mean())
