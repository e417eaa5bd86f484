"""A student cut out of a bigger model: whole decoder layers go, chosen by what they measurably do.

A stack of pre-norm layers adds small corrections to one residual stream, so the stack still computes
something sensible without some of them, and the cut model starts far nearer to its source than random
weights do. Which layers can go differs from model to model, hence calibration text and no fixed list
(stillhouse/distill/importance.py measures).
"""

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from stillhouse.distill.importance import Calibration, Removal, block_influence, decoder_layers, removals_by_kl
from stillhouse.distill.pruning import Method, PruningReport, write_pruning
from stillhouse.distill.rollout import Rollout
from stillhouse.errors import ConfigError
from stillhouse.models.gguf import without_progress_bars

__all__ = ["make_student", "prune", "save_student"]


def make_student(
    model: PreTrainedModel,
    layers: int,
    answers: Sequence[Rollout],
    *,
    source: str,
    licence: str | None,
    method: Method = "kl",
) -> tuple[PreTrainedModel, PruningReport]:
    """Cut `model` down to `layers` decoder layers; `model` itself stays as it is.

    `source` and `licence` are what the report says of the model (see `PruningReport`). Layers are judged by what they
    do where a token of `answers` is predicted. Raises ConfigError when `layers` is no number of layers of this model
    or there is no answer.
    """
    total = len(decoder_layers(model))
    if not 1 <= layers <= total:
        raise ConfigError(f"layers is {layers}; {source} has {total}, so give a number from 1 to {total}")
    if not answers:
        raise ConfigError("no calibration answers; give some prompts")
    # The last token of an answer predicts nothing that is graded, so it is not fed.
    used = [[*answer.prompt_tokens, *answer.tokens[:-1]] for answer in answers]
    batches = [
        Calibration(torch.tensor([ids], device=model.device), len(answer.prompt_tokens) - 1)
        for ids, answer in zip(used, answers, strict=True)
    ]
    influence = block_influence(model, batches)
    if method == "kl":
        removed = removals_by_kl(model, batches, total - layers)
    else:
        order = sorted(range(total), key=lambda layer: influence[layer])
        removed = [Removal(layer, influence[layer]) for layer in order[: total - layers]]
    gone = {removal.layer for removal in removed}
    kept = tuple(layer for layer in range(total) if layer not in gone)
    report = PruningReport(
        source=source,
        revision=getattr(model.config, "_commit_hash", None),
        licence=licence,
        source_layers=total,
        method=method,
        kept=kept,
        removed=tuple(removed),
        block_influence=tuple(influence),
        calibration_answers=len(used),
        calibration_tokens=sum(len(ids) for ids in used),
        calibration_sha256=hashlib.sha256(json.dumps(used).encode()).hexdigest(),
    )
    return prune(model, kept), report


def prune(model: PreTrainedModel, keep: Sequence[int]) -> PreTrainedModel:
    """A copy of `model` with only the decoder layers `keep` (ascending), renumbered from 0.

    Only what stays is copied; tied embeddings stay tied. The config's `layer_types` (Qwen and Gemma: windowed
    or full attention) is cut with the layers. Raises ConfigError for a `keep` that is empty, out of order or
    out of range.
    """
    layers = decoder_layers(model)
    total = len(layers)
    if not keep or list(keep) != sorted(set(keep)) or keep[0] < 0 or keep[-1] >= total:
        raise ConfigError(f"layers to keep are {list(keep)}; give ascending numbers from 0 to {total - 1}")
    # A shallow twin that points at the kept layers; the deep copy never sees the others.
    decoder = _twin(model.model, layers=nn.ModuleList(layers[index] for index in keep))
    student: PreTrainedModel = copy.deepcopy(_twin(model, model=decoder))
    student.config.num_hidden_layers = len(keep)
    kinds = getattr(student.config, "layer_types", None)
    if kinds is not None:
        student.config.layer_types = [kinds[index] for index in keep]
    for index, layer in enumerate(decoder_layers(student)):
        numbered: list[Any] = [module for module in layer.modules() if hasattr(module, "layer_idx")]
        for module in numbered:
            module.layer_idx = index
    return student


def save_student(
    student: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, report: PruningReport
) -> None:
    """Write a Hugging Face folder that plain Transformers loads, with `pruning.json` beside the weights."""
    with without_progress_bars():
        student.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_pruning(folder, report)


def _twin(module: Any, **replaced: nn.Module) -> Any:
    """The same module in all but the children named: shares the rest, changes nothing in `module`."""
    twin = copy.copy(module)
    twin._modules = {**module._modules, **replaced}
    return twin
