"""Drawing tokens from logits with random numbers that belong to the answer, not to the batch.

Each answer brings its own uniform number per position, so what it says does not depend on which other
answers it is decoded with, or on when one of those ends. The draw inverts the distribution function in two
levels (blocks, then within a block): one pass over the vocabulary instead of a random number per token of it.
"""

import torch
from torch import Tensor

__all__ = ["draw", "uniforms"]

_BLOCK = 256


def uniforms(seed: int, stream: int, n: int, length: int) -> Tensor:
    """float64 [n, length] in [0, 1) from the generator of (`seed`, `stream`): the same wherever it is asked."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + stream) % 2**63)
    return torch.rand(n, length, dtype=torch.float64, generator=generator)


def draw(logits_BV: Tensor, uniform_B: Tensor, temperature: float, top_p: float) -> tuple[Tensor, Tensor]:
    """Tokens [B] (int64) and their log-probabilities [B] (float32, nats) at `temperature`.

    `temperature` 0 takes the likeliest token. `top_p` < 1 draws from the smallest set of tokens that holds
    that much probability (Holtzman et al. 2020); the log-probability stays that of the whole distribution.
    `logits_BV` (float32) is written over.
    """
    greedy = temperature == 0
    if not greedy and temperature != 1:
        logits_BV.div_(temperature)
    top_B1 = logits_BV.amax(-1, keepdim=True)
    likeliest_B = logits_BV.argmax(-1) if greedy else None
    weight_BV = logits_BV.sub_(top_B1).exp_()
    running = _block_sums(weight_BV).double().cumsum(-1)
    total_B = running[:, -1]
    if likeliest_B is not None:
        tokens_B = likeliest_B
    elif top_p < 1:
        tokens_B = _nucleus(weight_BV, total_B, uniform_B, top_p)
    else:
        tokens_B = _invert(weight_BV, running, uniform_B)
    weight_B = weight_BV.gather(1, tokens_B[:, None])[:, 0]
    return tokens_B, (weight_B.double() / total_B).log().float()


def _block_sums(weight_BV: Tensor) -> Tensor:
    """Sums of `_BLOCK` tokens each, the last block what is left; these alone are then added in float64."""
    vocabulary = weight_BV.shape[1]
    whole = vocabulary - vocabulary % _BLOCK
    sums = [weight_BV[:, :whole].unflatten(-1, (-1, _BLOCK)).sum(-1)] if whole else []
    if whole < vocabulary:
        sums.append(weight_BV[:, whole:].sum(-1, keepdim=True))
    return torch.cat(sums, dim=-1)


def _invert(weight_BV: Tensor, running: Tensor, uniform_B: Tensor) -> Tensor:
    """The first token at which the running sum of weights exceeds uniform * total; `running` is that of the blocks."""
    vocabulary = weight_BV.shape[1]
    goal_B1 = uniform_B.to(running.device)[:, None] * running[:, -1:]
    block_B1 = torch.searchsorted(running, goal_B1, right=True).clamp_(max=running.shape[1] - 1)
    before_B1 = torch.where(block_B1 > 0, running.gather(1, (block_B1 - 1).clamp_min(0)), 0.0)
    index = block_B1 * _BLOCK + torch.arange(_BLOCK, device=weight_BV.device)
    inside = index < vocabulary
    weights = weight_BV.gather(1, index.clamp_max(vocabulary - 1)).double() * inside
    within = torch.searchsorted(weights.cumsum(-1), goal_B1 - before_B1, right=True)
    # Rounding can leave the goal a hair above the block's own sum: take its last token that has any weight.
    last = torch.where(weights > 0, torch.arange(_BLOCK, device=weights.device), 0).amax(-1, keepdim=True)
    return (block_B1 * _BLOCK + torch.minimum(within, last))[:, 0]


def _nucleus(weight_BV: Tensor, total_B: Tensor, uniform_B: Tensor, top_p: float) -> Tensor:
    ordered, tokens = weight_BV.sort(dim=-1, descending=True)
    running = ordered.double().cumsum(-1)
    size_B1 = torch.searchsorted(running, top_p * total_B[:, None]).clamp_(max=running.shape[1] - 1)
    goal_B1 = uniform_B.to(running.device)[:, None] * running.gather(1, size_B1)
    rank_B1 = torch.minimum(torch.searchsorted(running, goal_B1, right=True), size_B1)
    return tokens.gather(1, rank_B1)[:, 0]
