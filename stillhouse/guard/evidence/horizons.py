"""By how much an account is compared: bands of volume that double, and spans of time that share the level.

An account with 10,000 requests had more time to look odd than one with 4, so running maxima are put on a scale within
bands: band j has the accounts that go beyond 2^(j+2) requests, each with its maximum over its first 2^(j+3).

A reference knows how large maxima become within its own length. So an account is compared over spans of that length,
its scores begin anew with each, and the k-th span has the share 1 / ((k + 1) (k + 2)) of the level, which sums to
one.
"""

import math

__all__ = ["BANDS", "HEAVY", "band_of", "log_share"]

BANDS = 20
HEAVY = 64
"""Requests within a span from which an account is judged by itself, among those that made as many."""


def band_of(requests: int) -> int:
    """The band of an account that has made so many requests, at least one."""
    return min(max((requests - 1).bit_length() - 3, 0), BANDS - 1)


def log_share(number: int) -> float:
    """ln of the share of the level that span or look 0, 1, ... has: 1 / ((k + 1) (k + 2)), together one."""
    return -math.log((number + 1) * (number + 2))
