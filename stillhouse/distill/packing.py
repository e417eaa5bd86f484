"""Several texts in one row of tokens, and how attention takes them apart.

Padding costs what it holds: at batches of eight short answers a sixth of the row or more. In a row that holds the
beginning which all texts share once, and then what is each text's own, only attention has to know where a text
is. It reads the beginning by itself, then each text with its keys behind those of the beginning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Attend", "Packing"]

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""`attend(query, key, value, allowed)`: [B, heads, Q, D] from keys [B, groups, S, D] and `allowed` [1, 1, Q, S]."""


@dataclass(slots=True)
class Packing:
    """`shared` tokens, then O tokens of B texts, at most R each.

    `own_BR` says which of the O tokens stands where in its text (0 where the text has ended), `place_O` where in
    B * R each token stands. `layers` counts the attention layers that have used it.
    """

    shared: int
    own_BR: Tensor
    place_O: Tensor
    layers: int = 0

    @classmethod
    def of(cls, shared: int, lengths: Sequence[int]) -> "Packing":
        """The packing of texts with `lengths` tokens of their own each."""
        longest = max(lengths)
        own, place, start = torch.zeros(len(lengths), longest, dtype=torch.long), [], 0
        for b, length in enumerate(lengths):
            own[b, :length] = torch.arange(start, start + length)
            place.append(torch.arange(b * longest, b * longest + length))
            start += length
        return cls(shared, own, torch.cat(place))

    def to(self, device: torch.device) -> "Packing":
        return Packing(self.shared, self.own_BR.to(device), self.place_O.to(device))

    def attention(
        self, query_THD: Tensor, key_TGD: Tensor, value_TGD: Tensor, attend: Attend, window: int | None
    ) -> Tensor:
        """[T, heads, D]: each token attends to the tokens of its own text up to itself, the last `window` if given."""
        self.layers += 1
        shared, longest = self.shared, self.own_BR.shape[1]
        query, key, value = (self._texts(x[shared:]) for x in (query_THD, key_TGD, value_TGD))
        if shared == 0:
            return self._row(attend(query, key, value, _causal(0, longest, window, query.device)))
        common = [x[None, :shared].transpose(1, 2) for x in (query_THD, key_TGD, value_TGD)]
        first = attend(common[0], common[1], common[2], _causal(0, shared, window, query.device))
        key, value = (
            torch.cat([before.expand(len(own), -1, -1, -1), own], dim=2)
            for before, own in zip(common[1:], (key, value), strict=True)
        )
        rest = attend(query, key, value, _causal(shared, longest, window, query.device))
        return torch.cat([first[0].transpose(0, 1), self._row(rest)])

    def _texts(self, x_OHD: Tensor) -> Tensor:
        """[B, H, R, D] of each text's own tokens."""
        found: Tensor = _Texts.apply(x_OHD, self.own_BR, self.place_O)  # type: ignore[no-untyped-call]
        return found.transpose(1, 2)

    def _row(self, x_BHRD: Tensor) -> Tensor:
        """[O, H, D], the inverse of `_texts`."""
        found: Tensor = _Row.apply(x_BHRD.transpose(1, 2), self.place_O)  # type: ignore[no-untyped-call]
        return found


def _causal(before: int, length: int, window: int | None, device: torch.device) -> Tensor:
    """[1, 1, length, before + length]: query i, the (before + i)-th token of its text, sees keys up to itself."""
    query = torch.arange(before, before + length, device=device)[:, None]
    key = torch.arange(before + length, device=device)[None, :]
    allowed = key <= query
    if window is not None:
        allowed &= key > query - window
    return allowed[None, None]


class _Texts(torch.autograd.Function):
    """A gather whose gradient is a gather too: every token stands in one place, and what fills up has no gradient."""

    @staticmethod
    def forward(ctx: Any, x_OHD: Tensor, own_BR: Tensor, place_O: Tensor) -> Tensor:
        ctx.save_for_backward(place_O)
        return x_OHD[own_BR]

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        (place_O,) = ctx.saved_tensors
        return upstream[0].flatten(0, 1)[place_O], None, None


class _Row(torch.autograd.Function):
    """Back to the row. Fillers get a gradient of 0, so that they have none to pass on to keys and values."""

    @staticmethod
    def forward(ctx: Any, x_BRHD: Tensor, place_O: Tensor) -> Tensor:
        ctx.save_for_backward(place_O)
        ctx.shape = x_BRHD.shape
        return x_BRHD.flatten(0, 1)[place_O]

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        (place_O,) = ctx.saved_tensors
        grad = upstream[0].new_zeros(ctx.shape)
        grad.flatten(0, 1)[place_O] = upstream[0]
        return grad, None
