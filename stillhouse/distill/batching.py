"""Answers to tensors: sorted by length, padded on the right, with the places that predict the answer named.

A token is predicted one position earlier. That shift is made here and nowhere else: `position_N` points at
the hidden state that predicts `token_N`, so every loss and every metric is aligned by construction.

Prompts of one chat template begin alike (system turn, role marks). What all rows of a batch share is read once
for the batch: `shared` tokens, for which no hidden states come back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stillhouse.distill.kv_cache import shared_prefix
from stillhouse.distill.rollout import Rollout

__all__ = ["MicroBatch", "micro_batches"]


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """`ids_BT` [B, T], whose first `shared` columns are the same in every row.

    For its N completion tokens: `token_N`, the flat position in B * (T - shared) that predicts each, and the
    answer (index into the `rollouts` given) that each belongs to.
    """

    ids_BT: Tensor
    shared: int
    position_N: Tensor
    token_N: Tensor
    row_N: Tensor

    def to(self, device: torch.device) -> "MicroBatch":
        return MicroBatch(
            self.ids_BT.to(device),
            self.shared,
            self.position_N.to(device),
            self.token_N.to(device),
            self.row_N.to(device),
        )


def micro_batches(rollouts: Sequence[Rollout], size: int) -> list[MicroBatch]:
    """Split `rollouts` into batches of at most `size` answers of similar length. Empty answers are left out."""
    order = [i for i, r in enumerate(rollouts) if r.tokens]
    order.sort(key=lambda i: (len(rollouts[i].prompt_tokens) + len(rollouts[i].tokens), i))
    return [_pad(rollouts, order[start : start + size]) for start in range(0, len(order), size)]


def _pad(rollouts: Sequence[Rollout], rows: Sequence[int]) -> MicroBatch:
    # The last token of an answer predicts nothing that is graded, so it is not fed.
    width = max(len(rollouts[i].prompt_tokens) + len(rollouts[i].tokens) - 1 for i in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    shared = shared_prefix([rollouts[i].prompt_tokens for i in rows])
    positions, tokens, owners = [], [], []
    for b, i in enumerate(rows):
        prompt, answer = rollouts[i].prompt_tokens, rollouts[i].tokens
        fed = torch.tensor(prompt + answer[:-1])
        ids[b, : len(fed)] = fed
        first = b * (width - shared) + len(prompt) - 1 - shared
        positions.append(torch.arange(first, first + len(answer)))
        tokens.append(torch.tensor(answer))
        owners.append(torch.full((len(answer),), i))
    return MicroBatch(ids, shared, torch.cat(positions), torch.cat(tokens), torch.cat(owners))
