"""Both measures of a layer's importance equal what the whole model, run with layers left out, says."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from stillhouse.distill.importance import Calibration, block_influence, removals_by_kl
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, logits_without, tokens


@FAMILIES
def test_block_influence_by_hand(family: str, tiny_llama: TinyLlama) -> None:
    model = family_model(family, tiny_llama)
    batches = [Calibration(tokens(12, 2), 4), Calibration(tokens(7, 1, seed=6), 5)]
    sums, count = [0.0] * 6, 0
    for batch in batches:
        caught: list[tuple[torch.Tensor, torch.Tensor]] = []
        hooks = [
            layer.register_forward_hook(lambda module, args, output, caught=caught: caught.append((args[0], output)))
            for layer in model.model.layers
        ]
        with torch.inference_mode():
            model(batch.ids_BT)
        for hook in hooks:
            hook.remove()
        count += batch.ids_BT[:, batch.first :].numel()
        for layer, (before, after) in enumerate(caught):
            for x, y in zip(*(s[:, batch.first :].flatten(0, 1).double() for s in (before, after)), strict=True):
                sums[layer] += float(x @ y) / (math.sqrt(float(x @ x)) * math.sqrt(float(y @ y)))
    assert block_influence(model, batches) == pytest.approx([1 - total / count for total in sums], abs=1e-5)


@FAMILIES
def test_scores_are_the_divergence_of_the_cut_model(family: str, tiny_llama: TinyLlama) -> None:
    model = family_model(family, tiny_llama)
    batches = [Calibration(tokens(12, 1), 4), Calibration(tokens(7, 1, seed=6), 5)]
    removed = removals_by_kl(model, batches, 3, candidates=6)
    for n in (1, 2, 3):
        gone = sorted(removal.layer for removal in removed[:n])
        assert removed[n - 1].score == pytest.approx(divergence(model, gone, batches), rel=1e-4)
    first = [divergence(model, [layer], batches) for layer in range(6)]
    assert removed[0].layer == first.index(min(first))


def divergence(model: Any, gone: list[int], batches: list[Calibration]) -> float:
    """KL(whole || cut) in float64, averaged over every other graded position."""
    values = []
    for batch in batches:
        ids, first = batch.ids_BT, batch.first
        whole = F.log_softmax(logits_without(model, [], ids)[:, first::2].double(), -1)
        cut = F.log_softmax(logits_without(model, gone, ids)[:, first::2].double(), -1)
        values.append((whole.exp() * (whole - cut)).sum(-1).flatten())
    return float(torch.cat(values).mean())
