"""How rare a token is among reference accounts, by hand."""

import math

import numpy as np
import pytest

from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.rarity import COMMON_SHARE, Rarity

HIGH = token(Kind.ORGANISATION, (1 << 56) - 1)


def rarity(counts: dict[int, int], accounts: int) -> Rarity:
    tokens = sorted(counts)
    return Rarity(np.array(tokens, np.uint64), np.array([counts[one] for one in tokens], np.int64), accounts)


def test_counts_and_shares_by_hand() -> None:
    a, b = token(Kind.WORDING, 5), token(Kind.WORDING, 9)
    known = rarity({a: 3, b: 48, HIGH: 2}, 998)
    assert [known.count(one) for one in (a, b, HIGH, token(Kind.WORDING, 6))] == [3, 48, 2, 1]
    assert known.log_share(a) == pytest.approx(math.log(4 / 1000))
    assert known.log_share(b) == pytest.approx(math.log(49 / 1000))
    # What no two reference accounts showed may have been shown by one, and by the next.
    assert known.log_share(token(Kind.NETWORK, 1)) == pytest.approx(math.log(2 / 1000))


def test_an_empty_reference_knows_nothing() -> None:
    known = rarity({}, 0)
    assert known.count(17) == 1 and known.log_share(17) == 0.0 and known.common() == frozenset()


def test_common_is_one_in_a_hundred_and_twenty_at_least() -> None:
    a, b, c = (token(Kind.WORDING, one) for one in (1, 2, 3))
    assert COMMON_SHARE == 0.01
    assert rarity({a: 99, b: 100, c: 101}, 10_000).common() == {b, c}
    assert rarity({a: 19, b: 20, c: 21}, 300).common() == {b, c}


def test_what_says_openly_whose_an_account_is_is_never_common() -> None:
    wording, payment, organisation = token(Kind.WORDING, 1), token(Kind.PAYMENT, 2), token(Kind.ORGANISATION, 3)
    smaller = token(Kind.PAYMENT, 4)
    known = rarity({wording: 500, payment: 300, organisation: 700, smaller: 2}, 1000)
    assert known.common() == {wording}
    assert known.largest_customer() == {Kind.PAYMENT: 300, Kind.ORGANISATION: 700}
    assert rarity({wording: 500}, 1000).largest_customer() == {}
