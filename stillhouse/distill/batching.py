"""Answers to tensors: one row of tokens without padding, with the places that predict the answers named.

A token is predicted one position earlier. That shift is made here and nowhere else: `place_N` points at
the hidden state that predicts `token_N`, so every loss and every metric is aligned by construction.

Prompts of one chat template begin alike (system turn, role marks). What all texts of a batch share stands once at
the beginning of the row; after it comes what is each text's own, one after the other. Everything but attention
treats tokens one by one and does not care; attention puts each text together again (see `packing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stillhouse.distill.kv_cache import shared_prefix
from stillhouse.distill.packing import Packing
from stillhouse.distill.rollout import Rollout

__all__ = ["MicroBatch", "micro_batches"]


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """`ids_T` of all texts and the `position_T` of each token in its own text, as `packing` says.

    For its N completion tokens: `token_N`, the `place_N` in the row that predicts each, and the answer (index into the
    `rollouts` given) that each belongs to, `row_N`.
    """

    ids_T: Tensor
    position_T: Tensor
    packing: Packing
    place_N: Tensor
    token_N: Tensor
    row_N: Tensor

    def to(self, device: torch.device) -> "MicroBatch":
        return MicroBatch(
            self.ids_T.to(device),
            self.position_T.to(device),
            self.packing.to(device),
            self.place_N.to(device),
            self.token_N.to(device),
            self.row_N.to(device),
        )


def micro_batches(rollouts: Sequence[Rollout], size: int) -> list[MicroBatch]:
    """Split `rollouts` into batches of at most `size` answers of similar length. Empty answers are left out."""
    order = [i for i, r in enumerate(rollouts) if r.tokens]
    order.sort(key=lambda i: (len(rollouts[i].prompt_tokens) + len(rollouts[i].tokens), i))
    return [_pack(rollouts, order[start : start + size]) for start in range(0, len(order), size)]


def _pack(rollouts: Sequence[Rollout], rows: Sequence[int]) -> MicroBatch:
    shared = shared_prefix([rollouts[i].prompt_tokens for i in rows])
    ids, positions = list(rollouts[rows[0]].prompt_tokens[:shared]), list(range(shared))
    places, tokens, owners, lengths = [], [], [], []
    for i in rows:
        prompt, answer = rollouts[i].prompt_tokens, rollouts[i].tokens
        first = len(ids) + len(prompt) - 1 - shared
        # The last token of an answer predicts nothing that is graded, so it is not fed.
        own = (*prompt[shared:], *answer[:-1])
        ids.extend(own)
        positions.extend(range(shared, shared + len(own)))
        lengths.append(len(own))
        places.append(torch.arange(first, first + len(answer)))
        tokens.append(torch.tensor(answer))
        owners.append(torch.full((len(answer),), i))
    packing = Packing.of(shared, lengths)
    return MicroBatch(
        torch.tensor(ids), torch.tensor(positions), packing, torch.cat(places), torch.cat(tokens), torch.cat(owners)
    )
