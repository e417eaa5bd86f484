"""Keys and values: of a decode, in place; of a beginning that several rows share, once.

The library's growing cache concatenates: every new token copies every old one, which for 64 answers of a
small model moves more bytes than its weights. Here room is set aside once and a token is written where it
belongs. Rows that have ended can be dropped, so that the last long answer does not pay for the short ones.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

__all__ = ["InPlaceCache", "shared_prefix"]


class _InPlaceLayer(CacheLayerMixin):
    """One layer's keys and values, [rows, heads, room, dim], of which the first `length` positions are in use."""

    is_sliding = False

    def __init__(self, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.room = room
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        rows, heads, _, dim = key_states.shape
        self.keys = key_states.new_empty(rows, heads, self.room, dim)
        self.values = value_states.new_empty(rows, heads, self.room, value_states.shape[-1])
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        start, self.length = self.length, self.length + key_states.shape[2]
        assert self.length <= self.room, "a token without room would be dropped without a word"
        self.keys[:, :, start : self.length] = key_states
        self.values[:, :, start : self.length] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def keep_rows(self, rows: Tensor) -> None:
        assert self.keys is not None and self.values is not None
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = old.new_empty(len(rows), *old.shape[1:])
            new[:, :, : self.length] = old[rows, :, : self.length]
            setattr(self, name, new)

    def spread(self, rows: int) -> None:
        """From the one row that read a shared beginning to `rows` rows that go on from it."""
        assert self.keys is not None and self.values is not None
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = old.new_empty(rows, *old.shape[1:])
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return self.room


class InPlaceCache(Cache):
    """A cache for `layers` decoder layers with room for `room` positions."""

    def __init__(self, layers: int, room: int) -> None:
        self.in_place = [_InPlaceLayer(room) for _ in range(layers)]
        super().__init__(layers=[*self.in_place])

    def keep_rows(self, rows: Tensor) -> None:
        """Keep only these rows (int64 indices), in this order."""
        for layer in self.in_place:
            layer.keep_rows(rows)

    def spread(self, rows: int) -> None:
        """Let `rows` rows go on from the one row that is in the cache."""
        for layer in self.in_place:
            layer.spread(rows)


def shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts have in common, leaving each at least its last token. 0 for one prompt."""
    if len(prompts) < 2:
        return 0
    ordered = sorted(tuple(p) for p in prompts)
    first, last = ordered[0], ordered[-1]
    most = min(len(p) for p in prompts) - 1
    return next((i for i in range(most) if first[i] != last[i]), most)
