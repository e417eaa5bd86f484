"""Which decoder layers of a model matter least: two measures on answers of that model.

Both count only the positions that predict an answer token: those are what training will grade.

Block influence (ShortGPT, Men et al. 2024, arXiv 2403.03853) needs one forward pass, but judges each layer
as if all others stayed. The divergence that a removal causes at the output judges what counts, and anew
after each removal (SLEB, Song et al. 2024, arXiv 2402.09025; Minitron, Muralidharan et al. 2024,
arXiv 2407.14679). Its search costs many passes. So block influence, on the states as they are after the last
removal, proposes some layers and the divergence decides among them; and a trial recomputes only what comes
after the layer that it leaves out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from stillhouse.errors import ModelError

__all__ = ["Calibration", "Removal", "block_influence", "decoder_layers", "removals_by_kl"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Token ids `ids_BT` [sequence, time] without padding, of which the positions from `first` on are graded."""

    ids_BT: Tensor
    first: int


@dataclass(frozen=True, slots=True)
class Removal:
    """One layer that went. `score` is its block influence, or the KL in nats per token once it was gone too."""

    layer: int
    score: float


def decoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """The stack at `model.model.layers`. Raises ModelError for a family that keeps it elsewhere."""
    layers = getattr(getattr(model, "model", None), "layers", None)
    if not isinstance(layers, nn.ModuleList):
        kind = model.config.model_type
        raise ModelError(
            f"{model.name_or_path}: cannot cut a '{kind}' model; give one of the Llama, Qwen or Gemma families"
        )
    return layers


@torch.inference_mode()
def block_influence(model: PreTrainedModel, batches: Sequence[Calibration]) -> list[float]:
    """1 - mean cosine of a layer's input and output over all graded positions, for each layer.

    Source: ShortGPT, eq. 1.
    """
    return _influence([_Chain(model, batch) for batch in batches])


@torch.inference_mode()
def removals_by_kl(
    model: PreTrainedModel,
    batches: Sequence[Calibration],
    count: int,
    *,
    candidates: int = 8,
) -> list[Removal]:
    """Which `count` layers to remove, in order: each time the one that leaves KL(model || cut model) least.

    KL is averaged over every other graded position. Each round tries the `candidates` layers of least block
    influence.
    """
    chains = [_Chain(model, batch) for batch in batches]
    references = [chain.logits(chain.states[-1]).log_softmax(-1) for chain in chains]
    removed: list[Removal] = []
    while len(removed) < count:
        influence = _influence(chains)
        proposed = sorted(range(len(influence)), key=lambda place: influence[place])[:candidates]
        trials = []
        for place in proposed:
            trails = [chain.without(place) for chain in chains]
            divergences = [
                _kl(reference, chain.logits(trail[-1]))
                for reference, chain, trail in zip(references, chains, trails, strict=True)
            ]
            trials.append((float(torch.cat(divergences).mean()), place, trails))
        score, place, trails = min(trials, key=lambda trial: trial[0])
        removed.append(Removal(chains[0].kept[place], score))
        for chain, trail in zip(chains, trails, strict=True):
            chain.remove(place, trail)
    return removed


class _Chain:
    """One batch on its way through the stack: the input of each kept layer, then the output of the last.

    What a layer needs beside its input (positions, masks of its attention type) depends on the tokens alone,
    so it is caught once from the model's own forward pass. No family's forward is written again here.
    """

    def __init__(self, model: PreTrainedModel, batch: Calibration) -> None:
        self.model: Any = model
        self.layers = decoder_layers(model)
        self.kept = list(range(len(self.layers)))
        self.first = batch.first
        self.states: list[Tensor] = []
        self.arguments: list[dict[str, Any]] = []
        stops = [*self.layers, self.model.model.norm]
        hooks = [stop.register_forward_pre_hook(self._catch, with_kwargs=True) for stop in stops]
        try:
            self.model.model(input_ids=batch.ids_BT, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()

    def _catch(self, module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
        self.states.append(args[0])
        self.arguments.append(kwargs)

    def without(self, place: int) -> list[Tensor]:
        """The states from `place` on, if the layer at `place` were gone."""
        trail = [self.states[place]]
        for layer in self.kept[place + 1 :]:
            trail.append(self.layers[layer](trail[-1], **self.arguments[layer]))
        return trail

    def remove(self, place: int, trail: list[Tensor]) -> None:
        """Make that so; `trail` is what `without(place)` returned."""
        del self.kept[place]
        self.states[place:] = trail

    def logits(self, last: Tensor) -> Tensor:
        """Next-token logits [every other graded position, vocabulary] of `last`, an output of the stack."""
        logits: Tensor = self.model.lm_head(self.model.model.norm(last[:, self.first :: 2]))
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        if cap is not None:
            logits = cap * torch.tanh(logits / cap)
        return logits.float().flatten(0, 1)


def _kl(reference: Tensor, logits: Tensor) -> Tensor:
    """KL(reference || softmax(logits)) in nats of each row; `reference` holds log-probabilities."""
    p = reference.exp()
    return (p * (reference - logits)).sum(-1) + logits.logsumexp(-1)


def _influence(chains: Sequence[_Chain]) -> list[float]:
    """1 - mean cosine of the input and output of each layer that is still kept."""
    influence = []
    for place in range(len(chains[0].kept)):
        cosines = [
            F.cosine_similarity(before[:, chain.first :].float(), after[:, chain.first :].float(), dim=-1).flatten()
            for chain in chains
            for before, after in [chain.states[place : place + 2]]
        ]
        influence.append(1.0 - float(torch.cat(cosines).mean()))
    return influence
