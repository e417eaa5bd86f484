"""The in-place cache against the library's growing one, and against no cache."""

import pytest
import torch
from transformers import DynamicCache

from stillhouse.distill.kv_cache import InPlaceCache, shared_prefix
from tests.conftest import TinyLlama
from tests.distill.families import FAMILIES, family_model, tokens


def states(rows: int, time: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, 2, time, 3, generator=torch.Generator().manual_seed(seed))


def test_update_returns_all_that_was_written() -> None:
    cache, grown = InPlaceCache(1, 7), DynamicCache()
    for seed, time in ((0, 4), (1, 1), (2, 2)):
        got = cache.update(states(3, time, seed), states(3, time, seed + 9), 0)
        expected = grown.update(states(3, time, seed), states(3, time, seed + 9), 0)
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
        assert cache.get_seq_length() == grown.get_seq_length()


def test_keys_stay_where_they_are() -> None:
    cache = InPlaceCache(1, 50)
    first = cache.update(states(3, 4, 0), states(3, 4, 1), 0)[0].data_ptr()
    assert cache.update(states(3, 1, 2), states(3, 1, 3), 0)[0].data_ptr() == first


def test_keep_rows_in_the_given_order() -> None:
    cache = InPlaceCache(2, 6)
    for layer in range(2):
        cache.update(states(4, 3, layer), states(4, 3, layer + 5), layer)
    rows = torch.tensor([3, 1])
    cache.keep_rows(rows)
    for layer in range(2):
        keys, values = cache.update(states(2, 1, layer + 20), states(2, 1, layer + 25), layer)
        assert torch.equal(keys, torch.cat([states(4, 3, layer)[rows], states(2, 1, layer + 20)], dim=2))
        assert torch.equal(values, torch.cat([states(4, 3, layer + 5)[rows], states(2, 1, layer + 25)], dim=2))


@FAMILIES
def test_decoding_with_it_equals_reading_everything_again(family: str, tiny_llama: TinyLlama) -> None:
    """Twelve tokens, a window of four in the families that have one; two of three rows go on from the eighth."""
    model, ids = family_model(family, tiny_llama), tokens(12, 3)
    kept = torch.tensor([2, 0])
    cache = InPlaceCache(6, 12)
    with torch.no_grad():
        expected = model(ids, use_cache=False).logits
        got = model(ids[:, :6], past_key_values=cache, use_cache=True).logits
        torch.testing.assert_close(got, expected[:, :6], atol=1e-4, rtol=1e-4)
        for t in range(6, 12):
            if t == 8:
                cache.keep_rows(kept)
            rows = kept if t >= 8 else torch.arange(3)
            got = model(ids[rows, t : t + 1], past_key_values=cache, use_cache=True).logits
            torch.testing.assert_close(got[:, 0], expected[rows, t], atol=1e-4, rtol=1e-4)


def test_spread_copies_the_one_row() -> None:
    cache = InPlaceCache(1, 5)
    cache.update(states(1, 3, 0), states(1, 3, 1), 0)
    cache.spread(4)
    keys, values = cache.update(states(4, 1, 2), states(4, 1, 3), 0)
    assert torch.equal(keys, torch.cat([states(1, 3, 0).expand(4, 2, 3, 3), states(4, 1, 2)], dim=2))
    assert torch.equal(values, torch.cat([states(1, 3, 1).expand(4, 2, 3, 3), states(4, 1, 3)], dim=2))


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([(1, 2, 3), (1, 2, 4)], 2),
        ([(1, 2, 3), (1, 2, 3)], 2),  # the last token of a prompt predicts, so it is never shared
        ([(1, 2), (1, 2, 3, 4)], 1),
        ([(1, 2, 3, 4), (1, 2, 9), (1, 5, 3, 4)], 1),
        ([(1, 2), (3, 4)], 0),
        ([(7,), (7,)], 0),
        ([(1, 2, 3)], 0),
    ],
)
def test_shared_prefix(prompts: list[tuple[int, ...]], shared: int) -> None:
    assert shared_prefix(prompts) == shared
    assert shared_prefix(prompts[::-1]) == shared


def test_no_room_is_an_error() -> None:
    cache = InPlaceCache(1, 4)
    cache.update(states(1, 4, 0), states(1, 4, 1), 0)
    with pytest.raises(AssertionError, match="room"):
        cache.update(states(1, 1, 2), states(1, 1, 3), 0)
