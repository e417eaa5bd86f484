"""Which tokens lead groups of accounts and which follow, by hand."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from stillhouse.guard.link.families import Families, Family

Shown = dict[int, set[int]]
"""Which accounts showed each token."""


def place(families: Families, token: int, shown: Mapping[int, set[int]]) -> Family:
    accounts = sorted(shown[token])
    others = Counter(other for other in shown for at in accounts if other != token and at in shown[other])
    return families.place(token, accounts, others)


def test_duplicates_follow_the_first() -> None:
    shown: Shown = {1: set(range(20)), 2: set(range(20)), 3: set(range(1, 19)), 4: set(range(100, 120))}
    families = Families()
    placed = [place(families, token, shown) for token in (1, 2, 3, 4)]
    assert placed[0] is placed[1] is placed[2] is not placed[3]
    assert placed[0].tokens == [1, 2, 3] and placed[0].leader == 1 and list(placed[0].accounts) == list(range(20))
    assert (placed[3].number, placed[3].tokens, list(placed[3].accounts)) == (1, [4], list(range(100, 120)))
    assert families.of == {1: placed[0], 2: placed[0], 3: placed[0], 4: placed[3]}


def test_half_of_the_union_is_enough_and_less_is_not() -> None:
    # 20 of both, 40 of either: follows. 20 of both, 41 of either: leads.
    for other, follows in ((set(range(10, 40)), True), (set(range(10, 41)), False)):
        families = Families()
        shown = {1: set(range(30)), 2: other}
        assert (place(families, 2, shown) is place(families, 1, shown)) is follows


def test_a_part_of_a_popular_token_leads_by_itself() -> None:
    shown: Shown = {1: set(range(100)), 2: set(range(20)), 3: set(range(21))}
    families = Families()
    whole, part, other = (place(families, token, shown) for token in (1, 2, 3))
    assert whole.tokens == [1] and part.tokens == [2, 3] and other is part
    assert list(part.accounts) == list(range(20)) and len(whole.accounts) == 100


def test_a_family_grows_with_the_accounts_that_it_was_given() -> None:
    """It holds the list of its token, not a copy of it."""
    accounts = dict.fromkeys(range(20))
    family = Families().place(1, accounts, {})
    accounts[99] = None
    assert list(family.accounts) == [*range(20), 99]


def test_a_leader_goes_on_leading() -> None:
    shown: Shown = {1: set(range(20)), 2: set(range(100, 120))}
    families = Families()
    first, second = place(families, 1, shown), place(families, 2, shown)
    shown[2] = set(range(22))
    assert place(families, 2, shown) is second and second.leader == 2 and first.tokens == [1]


def test_a_follower_that_goes_its_own_way_leads() -> None:
    shown: Shown = {1: set(range(20)), 2: set(range(18))}
    families = Families()
    first = place(families, 1, shown)
    assert place(families, 2, shown) is first
    shown[2] |= set(range(200, 230))  # 18 of both, 50 of either
    second = place(families, 2, shown)
    assert second is not first and second.leader == 2 and first.followers == [] and len(second.accounts) == 48
    assert families.of == {1: first, 2: second}


def test_a_follower_may_change_its_leader() -> None:
    shown: Shown = {1: set(range(20)), 2: set(range(18)), 3: set(range(200, 280))}
    families = Families()
    first, third = place(families, 1, shown), place(families, 3, shown)
    assert place(families, 2, shown) is first
    shown[2] |= set(range(200, 275))
    assert place(families, 2, shown) is third
    assert first.tokens == [1] and third.tokens == [3, 2]


def test_of_two_leaders_the_older_is_followed() -> None:
    shown: Shown = {8: set(range(30)), 5: set(range(15, 45)), 9: set(range(30, 31)), 6: set(range(8, 38))}
    families = Families()
    first = place(families, 8, shown)
    assert place(families, 5, shown) is not first  # 15 of both, 45 of either
    assert place(families, 6, shown) is first  # 22 of 38 with 8, 23 of 37 with 5


def test_the_same_tokens_in_the_same_order_make_the_same_families() -> None:
    rng = np.random.default_rng(2)
    shown = {token: {int(one) for one in rng.integers(0, 60, int(rng.integers(12, 60)))} for token in range(1, 80)}
    made = []
    for order in (list(shown), list(reversed(shown))):
        families = Families()
        # The order in which others are counted says nothing.
        for token in range(1, 80):
            place(families, token, {other: shown[other] for other in order})
        made.append(told(families, list(range(1, 80))))
    assert made[0] == made[1] and len({number for number, _ in made[0]}) > 3


def told(families: Families, tokens: Sequence[int]) -> list[tuple[int, list[int]]]:
    return [(families.of[token].number, families.of[token].tokens) for token in tokens]
