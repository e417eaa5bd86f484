"""Communities: found where no token has all accounts, kept by name while they grow, and the same every time."""

import numpy as np
import pytest

from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.communities import Communities, divide
from stillhouse.guard.link.rarity import Rarity

NOTHING = Rarity(np.array([], np.uint64), np.array([], np.int64), 10_000)


def parts(
    rng: np.random.Generator, first: int, accounts: int, tokens: int, each: int, kind: int
) -> dict[int, list[int]]:
    """`accounts` accounts from `first` on, who show `each` of `tokens` tokens at random."""
    listed: dict[int, list[int]] = {}
    for index in range(first, first + accounts):
        for one in rng.choice(tokens, each, replace=False):
            listed.setdefault(token(Kind.OPENING, 1000 * kind + int(one)), []).append(index)
    return listed


def test_wordings_from_parts_make_one_community() -> None:
    """60 accounts of three parts of 20 each: a part is shown by nine of them, and by nobody else. 600 people share
    phrases by chance."""
    rng = np.random.default_rng(0)
    ours = parts(rng, 0, 60, 20, 3, 1)
    listed = ours | parts(rng, 60, 600, 300, 2, 2)
    found = divide(listed, 660, NOTHING)
    home = max(found, key=lambda one: sum(account < 60 for account in one[0]))
    assert sum(account < 60 for account in home[0]) >= 57 and sum(account >= 60 for account in home[0]) <= 3
    assert set(home[1]) <= set(ours)
    # The most shown first.
    assert [len(listed[one]) for one in home[1]] == sorted((len(listed[one]) for one in home[1]), reverse=True)


def test_what_the_reference_has_as_often_binds_nobody() -> None:
    listed = {token(Kind.OPENING, one): list(range(40)) for one in range(5)}
    counts = np.full(5, 420, np.int64)
    tokens = np.array(sorted(listed), np.uint64)
    assert divide(listed, 1000, Rarity(tokens, counts, 10_000)) == []
    # Ten times as frequent as there; one account beside them, or a community that is all would be none.
    listed[token(Kind.ENDING, 1)] = [100, 101, 102]
    assert [len(members) for members, _ in divide(listed, 1000, Rarity(tokens, counts // 10, 10_000))] == [40, 3]
    assert divide({token(Kind.OPENING, 1): [1, 2]}, 1000, NOTHING) == [] and divide({}, 1000, NOTHING) == []


def test_the_same_every_time() -> None:
    rng = np.random.default_rng(1)
    listed = parts(rng, 0, 300, 60, 3, 1)
    assert divide(listed, 300, NOTHING) == divide(listed, 300, NOTHING)


def test_divided_when_what_is_listed_has_grown_and_named_as_before() -> None:
    rng = np.random.default_rng(2)
    communities = Communities(NOTHING)
    small = parts(rng, 0, 40, 10, 3, 1) | parts(rng, 500, 40, 10, 3, 2)
    assert communities.place(small, 199, 80) == []
    first = {one.number: set(one.accounts) for one in communities.place(small, 240, 80)}
    assert {min(one) >= 500 for one in first.values()} == {True, False}
    assert communities.place(small, 250, 80) == []
    large = parts(np.random.default_rng(3), 0, 80, 10, 3, 1) | parts(rng, 500, 40, 10, 3, 2)
    second = communities.place(large, 480, 160)
    for one in second:
        if one.number in first:
            assert len(first[one.number].intersection(one.accounts)) >= len(first[one.number]) / 2
    assert set(first) & {one.number for one in second}
    assert [one.number for one in second] == sorted(one.number for one in second)
    assert all(one.id == f"m{one.number}" and one.kind == "community" for one in second)


@pytest.mark.parametrize("accounts", [600, 6_000, 20_000])
def test_size_of_the_population_does_not_decide(accounts: int) -> None:
    """The same 60 accounts among many others are still one community."""
    rng = np.random.default_rng(4)
    listed = parts(rng, 0, 60, 20, 3, 1) | parts(rng, 60, accounts - 60, accounts // 2, 2, 2)
    home = max(divide(listed, accounts, NOTHING), key=lambda one: sum(account < 60 for account in one[0]))
    assert sum(account < 60 for account in home[0]) >= 55
