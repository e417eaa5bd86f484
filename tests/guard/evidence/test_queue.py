"""How many may stand out in a queue with one stranger in twenty: thresholds by hand, and by the binomial itself."""

import pytest
from scipy.stats import binom

from stillhouse.guard.evidence.persistence import Counted
from stillhouse.guard.evidence.queue import may_be_queue


@pytest.mark.parametrize(
    ("accounts", "most"),
    [
        (1, 1),  # P(1 or more of 1) = 0.05, and there are no more
        (2, 1),  # P(2 of 2) = 0.05^2 = 0.0025
        (3, 1),  # P(2 or more of 3) = 3 * 0.0025 * 0.95 + 0.000125 = 0.00725
        (4, 2),  # P(2 or more of 4) = 1 - 0.95^4 - 4 * 0.05 * 0.95^3 = 0.0140
        (20, 4),  # P(4 or more) = 0.0159, P(5 or more) = 0.0026
    ],
)
def test_thresholds_by_hand(accounts: int, most: int) -> None:
    assert may_be_queue(Counted(most, accounts))
    assert most == accounts or not may_be_queue(Counted(most + 1, accounts))


@pytest.mark.parametrize("accounts", [16, 17, 32, 64, 100, 256, 500])
def test_it_ends_where_one_queue_in_a_hundred_has_as_many(accounts: int) -> None:
    told = [may_be_queue(Counted(persistent, accounts)) for persistent in range(accounts + 1)]
    expected = [binom.sf(persistent - 1, accounts, 0.05) >= 0.01 for persistent in range(accounts + 1)]
    assert told == expected and told == sorted(told, reverse=True)
    assert told[0] and not told[-1]


def test_half_of_a_group_is_no_queue_and_little_evidence_for_people_is_none_for_one() -> None:
    """A hundredth of a queue stands out in each view by chance, which leaves room; of people nearly all do."""
    assert may_be_queue(Counted(2, 100)) and may_be_queue(Counted(10, 100))
    assert not may_be_queue(Counted(50, 100)) and not may_be_queue(Counted(8, 16))
