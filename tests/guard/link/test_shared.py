"""A token that a second account shows is shared; all others wait in a table that does not grow."""

import pytest

from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.shared import SharedTokens

NOTHING: frozenset[int] = frozenset()


def listed(table: SharedTokens) -> dict[int, list[int]]:
    return {token: list(accounts) for token, accounts in table.accounts.items()}


def test_the_second_account_makes_a_token_shared() -> None:
    table = SharedTokens(NOTHING, slots=64)
    a, b = token(Kind.WORDING, 5), token(Kind.ADDRESS, 9)
    assert table.add(7, [a, b]) == []
    assert table.add(7, [a]) == [] and table.accounts == {}  # the same account again is nobody new
    assert table.add(3, [b]) == [(b, 7)]
    assert table.add(1, [a, b]) == [(a, 7), (b, None)]
    assert listed(table) == {b: [7, 3, 1], a: [7, 1]}
    # Shown again by one that is listed, as an account does whose own list forgot it.
    assert table.add(3, [b]) == table.add(7, [a, b]) == [] and listed(table) == {b: [7, 3, 1], a: [7, 1]}


def test_the_first_account_has_index_zero_and_is_somebody() -> None:
    table = SharedTokens(NOTHING, slots=64)
    a = token(Kind.WORDING, 5)
    table.add(0, [a])
    assert table.add(0, [a]) == [] and table.add(1, [a]) == [(a, 0)]


def test_common_tokens_link_nobody() -> None:
    common, rare = token(Kind.SYSTEM, 1), token(Kind.WORDING, 2)
    table = SharedTokens(frozenset({common}), slots=64)
    for account in range(5):
        table.add(account, [common, rare])
    assert listed(table) == {rare: [0, 1, 2, 3, 4]}


def test_a_place_that_another_token_took_forgets() -> None:
    table = SharedTokens(NOTHING, slots=1)
    a, b = token(Kind.WORDING, 5), token(Kind.WORDING, 6)
    table.add(0, [a])
    table.add(1, [b])  # the one place is b's now
    assert table.add(2, [a]) == [] and table.accounts == {}
    assert table.add(3, [a]) == [(a, 2)]
    # What is shared needs no place.
    table.add(4, [b])
    assert table.add(5, [a]) == [(a, None)] and listed(table) == {a: [2, 3, 5]}


def test_memory_does_not_grow_with_tokens_of_one_account() -> None:
    table = SharedTokens(NOTHING, slots=256)
    held = [len(table._token), len(table._owner), table._token.itemsize, table._owner.itemsize]
    for number in range(20_000):
        table.add(number, [token(Kind.NEAR, number * 2_654_435_761)])
    assert held == [256, 256, 8, 4] == [len(table._token), len(table._owner), table._token.itemsize, 4]
    assert table.accounts == {}


@pytest.mark.parametrize("kind", [Kind.WORDING, Kind.CLIENT])
def test_nearly_all_that_is_shared_soon_is_found(kind: Kind) -> None:
    """1,000 tokens in 2^14 places: two meet in one place about 1,000^2 / 2 / 2^14 = 31 times."""
    table = SharedTokens(NOTHING, slots=1 << 14)
    tokens = [token(kind, number * 0x9E3779B97F4A7C15) for number in range(1000)]
    table.add(0, tokens)
    found = table.add(1, tokens)
    assert 1000 - 90 < len(found) <= 1000
    assert all(first == 0 for _, first in found)


@pytest.mark.parametrize("slots", [3, 100, (1 << 10) + 1])
def test_slots_are_a_power_of_two(slots: int) -> None:
    with pytest.raises(ValueError, match="give a power of two"):
        SharedTokens(NOTHING, slots=slots)
