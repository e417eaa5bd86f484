"""Rank correlation within groups: do two numbers of an answer go together among the answers to one prompt?

Over all answers at once, a correlation would mostly say that some prompts are hard: both numbers move with the prompt.
What a learner uses are differences within a prompt, so ranks are taken and centred there and only then pooled.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from stillhouse.stats.bootstrap import Interval
from stillhouse.stats.sums import of_sums

__all__ = ["spearman_within"]

Array: TypeAlias = NDArray[np.float64]
Groups: TypeAlias = Sequence[Sequence[float]]


def spearman_within(x: Groups, y: Groups, *, resamples: int, seed: int, level: float = 0.95) -> Interval:
    """Spearman's correlation of `x` and `y` within groups, -1 to 1: x[g][i] and y[g][i] belong to answer i of prompt g.

    Each group's ranks (ties get their mean rank) minus the group's mean rank; then sum(ab) / sqrt(sum(aa) sum(bb)) over
    all groups, which for one group is Spearman's coefficient. Bootstrap over prompts, as of `of_sums`, whose errors
    it raises; groups of one answer say nothing and are left out.
    """
    return of_sums(_products(x, y, _centred_ranks), _correlation, resamples=resamples, seed=seed, level=level)


def _centred_ranks(values: Array) -> Array:
    ranks: Array = rankdata(values)
    return np.asarray(ranks - ranks.mean())


def _products(x: Groups, y: Groups, transform: Callable[[Array], Array]) -> Array:
    """sum(ab), sum(aa) and sum(bb) of every group with two answers or more [groups, 3]."""
    rows = []
    for of_x, of_y in zip(x, y, strict=True):
        if len(of_x) != len(of_y):
            raise ValueError(f"a group has {len(of_x)} and {len(of_y)} values; both need one for each answer")
        if len(of_x) > 1:
            a, b = (transform(np.asarray(values, dtype=np.float64)) for values in (of_x, of_y))
            rows.append([a @ b, a @ a, b @ b])
    return np.asarray(rows, dtype=np.float64).reshape(-1, 3)


def _correlation(totals: Array) -> Array:
    over, of_x, of_y = np.moveaxis(totals, -1, 0)
    return np.asarray(over / np.sqrt(of_x * of_y))
