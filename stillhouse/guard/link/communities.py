"""Communities: accounts that many shared things bind, though none of these need be shown by all of them.

Whoever words each request anew still writes them from parts, and each part is shown by a few accounts. A token by
itself then makes small groups, or none; the accounts are bound by all of them together. So accounts and tokens are a
graph of two sides, an edge where an account showed a token, as heavy as the token is more frequent than in the
reference (the logarithm of that ratio), and communities are those of the Louvain method (Blondel et al. 2008) for
Barber's modularity of such graphs (2007). Parts of one that hang together by nothing are communities of their own,
which is what that method is known to get wrong (Traag, Waltman, van Eck 2019). The packaged Leiden method would not
need that, and gives other communities at each run.

Modularity compares with a graph of random edges, in which a community of one size is ever less surprising the larger
the graph (Fortunato, Barthelemy 2007). The resolution grows with the number of accounts in it, so that what becomes a
community depends on it as little as can be.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from sknetwork.clustering import Louvain

from stillhouse.guard.link.group import Kind
from stillhouse.guard.link.rarity import Rarity

__all__ = ["Communities", "Community", "divide", "lift"]

_LEAST_LISTED = 3
_PER_ACCOUNTS = 1000
_GROWTH = 1.2
_FIRST = 200
_SAME = 0.5


@dataclass(slots=True, eq=False)
class Community:
    """Accounts by index, and the tokens that bind them, the most shown first; as of the last division."""

    number: int
    accounts: Collection[int]
    tokens: list[int]

    @property
    def kind(self) -> Kind:
        return "community"

    @property
    def id(self) -> str:
        return f"m{self.number}"

    @property
    def leader(self) -> int:
        """The token that most of them showed."""
        return self.tokens[0]


def lift(token: int, shown_by: int, accounts: int, rarity: Rarity) -> float:
    """ln of how many times as often a token is shown, by so many of so many accounts, as in the reference."""
    return math.log(shown_by / accounts) - rarity.log_share(token)


def divide(listed: Mapping[int, Collection[int]], accounts: int, rarity: Rarity) -> list[tuple[list[int], list[int]]]:
    """(accounts, tokens) of each community, of `accounts` accounts in all; `listed` says who showed each token.

    Tokens that fewer than three showed, or that are no more frequent than in the reference, bind nobody.
    """
    rows: list[int] = []
    columns: list[int] = []
    tokens: list[int] = []
    lifts: list[float] = []
    for token, shown_by in listed.items():
        if len(shown_by) < _LEAST_LISTED:
            continue
        more = lift(token, len(shown_by), accounts, rarity)
        if more > 0:
            rows += shown_by
            columns += [len(tokens)] * len(shown_by)
            tokens.append(token)
            lifts.append(more)
    if not tokens:
        return []
    present, row = np.unique(np.array(rows, np.int64), return_inverse=True)
    column = np.array(columns, np.int64)
    graph = sp.csr_matrix((np.array(lifts)[column], (row, column)), shape=(len(present), len(tokens)))
    labels = _labels(graph, max(1.0, len(present) / _PER_ACCOUNTS))
    found: dict[int, tuple[list[int], list[int]]] = {}
    for account, label in zip(present.tolist(), labels[: len(present)].tolist(), strict=True):
        found.setdefault(label, ([], []))[0].append(account)
    order = sorted(range(len(tokens)), key=lambda at: (-len(listed[tokens[at]]), tokens[at]))
    for at in order:
        label = int(labels[len(present) + at])
        if label in found:
            found[label][1].append(tokens[at])
    return [(members, binding) for members, binding in found.values() if binding]


def _labels(graph: sp.csr_matrix, resolution: float) -> NDArray[np.int64]:
    """Numbers of the communities of accounts (rows) and then of tokens (columns)."""
    method = Louvain(resolution=resolution, shuffle_nodes=False, random_state=0)
    method.fit(graph, force_bipartite=True)
    rows, columns = np.asarray(method.labels_row_), np.asarray(method.labels_col_)
    edges = graph.tocoo()
    inside = rows[edges.row] == columns[edges.col]
    n = len(rows) + len(columns)
    within = sp.csr_matrix(
        (np.ones(int(inside.sum())), (edges.row[inside], edges.col[inside] + len(rows))), shape=(n, n)
    )
    return np.asarray(connected_components(within, directed=False)[1], np.int64)


class Communities:
    """The communities of a growing population; divided anew whenever what is listed has grown by a fifth."""

    def __init__(self, rarity: Rarity) -> None:
        self._rarity = rarity
        self._known: list[Community] = []
        self._made = 0
        self._next = _FIRST

    def place(self, listed: Mapping[int, Collection[int]], listings: int, accounts: int) -> list[Community]:
        """All communities if they were divided just now, by number; none otherwise.

        One that has half of the accounts of an earlier one goes on as that one, the largest first.
        """
        if listings < self._next:
            return []
        self._next = math.ceil(listings * _GROWTH)
        parts = divide(listed, accounts, self._rarity)
        part_of = {account: at for at, (members, _) in enumerate(parts) for account in members}
        names: dict[int, Community] = {}
        for community in sorted(self._known, key=lambda one: (-len(one.accounts), one.number)):
            went = _most_common(part_of.get(account) for account in community.accounts)
            if went is not None and went[1] >= _SAME * len(community.accounts):
                names.setdefault(went[0], community)
        self._known = [self._named(names.get(at), *part) for at, part in enumerate(parts)]
        return sorted(self._known, key=lambda one: one.number)

    def _named(self, community: Community | None, accounts: list[int], tokens: list[int]) -> Community:
        if community is None:
            community = Community(self._made, accounts, tokens)
            self._made += 1
        community.accounts, community.tokens = accounts, tokens
        return community


def _most_common(parts: Iterable[int | None]) -> tuple[int, int] | None:
    """(the part that occurs most, how often); the first of several."""
    counts: dict[int, int] = {}
    for part in parts:
        if part is not None:
            counts[part] = counts.get(part, 0) + 1
    return max(counts.items(), key=lambda one: one[1], default=None)
