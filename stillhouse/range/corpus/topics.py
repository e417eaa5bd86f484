"""Conversations by topic, so that a person can have a few subjects and keep to them.

Spherical k-means on hashed TF-IDF (Dhillon and Modha 2001, Machine Learning 42), with sparse products only, so that
the same texts give the same topics on every machine. Inside a topic the conversations stand in the order of a walk
from each to the most similar one that is left: a person is dealt neighbours in that order, and so has something
narrower than a topic to talk about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from stillhouse.range.corpus.terms import tfidf
from stillhouse.range.seeds import cumulative

__all__ = ["Topics", "find_topics"]

_ROUNDS = 12
_TYPICAL = 60  # conversations of one topic
_MOST = 128
_STRETCH = 1000  # conversations of one walk; longer topics are walked in stretches


@dataclass(frozen=True)
class Topics:
    """`members[t]` are the positions of topic t's conversations, each beside the ones most like it; none is empty.

    `anything` are all positions, in no particular order.
    """

    members: tuple[tuple[int, ...], ...]
    anything: tuple[int, ...]

    @cached_property
    def sums(self) -> tuple[float, ...]:
        """Running sums of the topics' sizes: what a topic is drawn by."""
        return cumulative([len(group) for group in self.members])

    def __len__(self) -> int:
        return len(self.members)


def find_topics(texts: Sequence[str], count: int | None = None) -> Topics:
    """Group `texts` into `count` topics (by default one for 60 texts, 128 at most); the same texts, the same topics."""
    wanted = count or max(1, min(_MOST, len(texts) // _TYPICAL))
    rows = tfidf(texts)
    if wanted >= len(texts):
        return Topics(tuple((position,) for position in range(len(texts))), tuple(range(len(texts))))
    rng = np.random.default_rng(20260724)
    centres = rows[np.sort(rng.choice(len(texts), wanted, replace=False))].toarray()
    owner = np.zeros(len(texts), dtype=np.int64)
    for _ in range(_ROUNDS):
        owner = np.asarray(rows @ centres.T).argmax(axis=1)
        sums = np.asarray((_indicator(owner, wanted) @ rows).todense())
        norms = np.sqrt((sums**2).sum(axis=1, keepdims=True))
        # A topic that lost all its texts keeps its centre and may win some back.
        centres = np.where(norms > 0, sums / np.where(norms > 0, norms, 1), centres)
    groups = (np.flatnonzero(owner == topic) for topic in range(wanted))
    members = tuple(_walk(rows, group) for group in groups if len(group))
    return Topics(members, tuple(rng.permutation(len(texts)).tolist()))


def _indicator(owner: Any, topics: int) -> Any:
    ones = np.ones(len(owner))
    return sparse.csr_array((ones, (owner, np.arange(len(owner)))), shape=(topics, len(owner)))


def _walk(rows: Any, group: Any) -> tuple[int, ...]:
    """The group's positions, each followed by the most similar one that is left."""
    order: list[int] = []
    for first in range(0, len(group), _STRETCH):
        stretch = group[first : first + _STRETCH]
        near = np.asarray((rows[stretch] @ rows[stretch].T).todense())
        left = np.ones(len(stretch), dtype=bool)
        here = 0
        for _ in range(len(stretch)):
            order.append(int(stretch[here]))
            left[here] = False
            here = int(np.where(left, near[here], -1.0).argmax())
    return tuple(order)
