"""How alike one person's requests are, and how alike two people's: the figure that composed people are tuned to.

Two prompts of one Chatbot Arena user from different days have a mean cosine (hashed TF-IDF) .124 above that of two
users (40 users, one prompt a day); composed honest people in the guard's pilot had .07 to .14.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from stillhouse.range.corpus.terms import tfidf

__all__ = ["Persistence", "persistence"]


class Persistence(NamedTuple):
    """Mean cosine of two texts of one person, of two persons, and how many people had several texts."""

    same: float
    different: float
    people: int

    @property
    def difference(self) -> float:
        return self.same - self.different


def persistence(texts: Mapping[str, Sequence[str]]) -> Persistence:
    """`texts`: for each person one text from each of several conversations.

    People with a single text only count as others. Each person counts the same in `same`, however much he wrote;
    `different` is over all pairs of texts of two people.
    """
    counts = np.array([len(said) for said in texts.values()])
    owners = np.repeat(np.arange(len(texts)), counts)
    rows = tfidf([text for said in texts.values() for text in said])
    total = int(counts.sum())
    sums = sparse.csr_array((np.ones(total), (owners, np.arange(total))), shape=(len(texts), total)) @ rows
    squares = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
    # A text's cosine with itself is 1, or 0 where it has no word.
    own = np.bincount(owners, weights=np.asarray(rows.multiply(rows).sum(axis=1)).ravel(), minlength=len(texts))
    several = counts > 1
    within = (squares[several] - own[several]) / (counts[several] * (counts[several] - 1))
    everything = np.asarray(sums.sum(axis=0)).ravel()
    different = (float((everything**2).sum()) - float(squares.sum())) / (total**2 - int((counts**2).sum()))
    return Persistence(float(within.mean()), different, int(several.sum()))
