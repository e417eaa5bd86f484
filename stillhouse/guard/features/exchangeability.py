"""Are the accounts of a group exchangeable? Two requests of one person resemble each other more than two people's do.

Whoever spreads a queue of work over accounts makes them interchangeable: what an account gets next does not depend on
what it got before, and when it gets it does not depend on when it got the last. People are not, whatever they have in
common, because that is part of every pair and cancels.

An account *stands out* if its newest requests resemble one another more than `LEVEL` of the sets of as many requests
that are drawn across the group. In a queue that happens to one account in a hundred; how often it happens among
people is learnt. Counting accounts, not averaging cosines: most people resemble themselves a little and a few very
much, so a mean over thirty accounts is as good as its two loudest, and its error cannot be read off a group that has
none of them.

There are two views, what is asked (words) and when (slots of time), and an account is *persistent* if it stands out in
either. They share no feature, and honest groups that are interchangeable in one are not in the other: a class has one
assignment and its own evening, strangers try a new model with one benchmark and each in one sitting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from stillhouse.guard.features.content import Content, matrix

__all__ = ["LEVEL", "NEEDS", "View", "by_content", "by_times"]

NEEDS = ("request", "time")

LEVEL = 0.99
_DRAWS = 4000
_SLOTS = (1800, 600, 300, 120, 60)  # seconds
_SHARED_MATERIAL = 0.7


@dataclass(frozen=True, slots=True)
class View:
    """`outstanding` [accounts] says which accounts stand out."""

    outstanding: NDArray[np.bool_]


def by_content(samples: Sequence[Sequence[Content]]) -> View | None:
    """From the contents of each account's newest requests, of all accounts as many, two or more.

    None where one set in a hundred drawn across the group is nearly of one text: it works through shared material,
    and nobody could stand out. Words that most requests of the group have, such as a template's, weigh less: each
    word's weight is multiplied by its inverse document frequency within the group, 1 for a word of one request and 0
    for a word of all.
    """
    every = matrix([one for sample in samples for one in sample])
    n = every.shape[0]
    # Only the columns of words that somebody used: all of them take longer than the rest of this.
    used, column, documents = np.unique(every.indices, return_inverse=True, return_counts=True)
    weights = every.data * (np.log(n / documents) / np.log(n))[column]
    rows = sp.csr_matrix((weights, column, every.indptr), shape=(n, len(used)))
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows = sp.diags(np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)) @ rows
    return _view((rows @ rows.T).toarray(), len(samples))


def by_times(samples: Sequence[Sequence[int]]) -> View | None:
    """From the times of each account's newest requests in microseconds: do two fall into one slot of time?

    The slot is the longest, of half an hour to a minute, that tells anything: not where one set in a hundred drawn
    across the group falls into one slot as a whole. None where even a minute is too long, because nobody could stand
    out.
    """
    times = np.array(samples, np.int64).ravel()
    for seconds in _SLOTS:
        slots = times // (seconds * 1_000_000)
        found = _view((slots[:, None] == slots).astype(np.float64), len(samples))
        if found is not None:
            return found
    return None


def _view(cosines: NDArray[np.float64], accounts: int) -> View | None:
    """`cosines` [requests, requests] of requests in the order of their accounts, of each as many."""
    size = len(cosines) // accounts
    np.fill_diagonal(cosines, 0.0)
    blocks = cosines.reshape(accounts, size, accounts, size)
    within = np.einsum("aiaj->a", blocks) / (size * (size - 1))
    limit = float(np.quantile(_drawn(cosines, size), LEVEL, method="higher"))
    if limit >= _SHARED_MATERIAL:
        return None
    return View(within > limit + 1e-9)


def _drawn(cosines: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Mean cosines of sets of `size` requests of different accounts [draws]; the same ones for groups of one size."""
    chosen = _draws(len(cosines), size)
    total = np.zeros(len(chosen))
    for first in range(size):
        for second in range(first):
            total += cosines[chosen[:, first], chosen[:, second]]
    return total / (size * (size - 1) / 2)


@lru_cache(maxsize=64)
def _draws(n: int, size: int) -> NDArray[np.int64]:
    """[draws, size] of n requests, no two of one account. Most groups are looked at in the same sizes."""
    chosen = np.random.Generator(np.random.PCG64(n)).integers(0, n, (_DRAWS, size))
    owners = np.sort(chosen // size, axis=1)
    return chosen[(np.diff(owners, axis=1) > 0).all(axis=1)]
