"""By how much an account is compared: bands of volume that double, and spans of time. When groups are looked at.

An account with 10,000 requests had more time to look odd than one with 4, so running maxima are put on a scale within
bands. Band 0 has all accounts, each with its maximum over its first 8 requests; band j has those that go beyond
2^(j+2), each with its maximum over its first 2^(j+3); the last band has no end.

A reference knows how large maxima become within its own length, of accounts that were there before and of those that
came meanwhile. So time is cut into spans of that length, the same for all, in each of which accounts are as those of
the reference were: some are new, some go on, and none has been followed for longer. Scores begin anew with each span,
and an account in a span is a hypothesis of its own (`decide/online_budget.py`). Spans of an account's own, from its
first exchange on, would compare accounts that were followed for all of them with many that were not.

A group is looked at each time its accounts that can be compared have doubled: those with two sampled evidence requests.
Which of them are one customer's, and so one party, is asked at the look. The first six doublings, from 16 to 512
accounts, share nine tenths of the level evenly, since nobody knows how large a campaign becomes; all further ones have
the rest.
"""

import math

__all__ = ["BANDS", "band_of", "doublings", "log_share", "log_share_of_look"]

BANDS = 20
_EVEN = 6
_EVENLY = 0.9


def band_of(requests: int) -> int:
    """The band of an account that has made so many requests, at least one."""
    return min(max((requests - 1).bit_length() - 3, 0), BANDS - 1)


def log_share(number: int) -> float:
    """ln of the share of the level that part 0, 1, ... has: 1 / ((k + 1) (k + 2)), together one."""
    return -math.log((number + 1) * (number + 2))


def doublings(accounts: int, least: int) -> int:
    """How often the number of accounts has doubled from the least: -1 of fewer than that."""
    return (accounts // least).bit_length() - 1


def log_share_of_look(doubling: int) -> float:
    """ln of the share of the level that the look at that doubling has; all of them together one."""
    if doubling < _EVEN:
        return math.log(_EVENLY / _EVEN)
    return math.log(1 - _EVENLY) + log_share(doubling - _EVEN)
