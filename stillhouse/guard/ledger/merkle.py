"""The Merkle tree of RFC 6962, section 2.1: one hash for all entries, short proofs about any of them.

Only functions of hashes; nothing here knows what a leaf means. A proof is a list of roots of sub trees, so it is first
a list of ranges of leaves: whoever holds the hashes in a database makes all of them in one pass and O(log n) memory.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "Range",
    "consistency_ranges",
    "inclusion_ranges",
    "leaf_hash",
    "node_hash",
    "roots_of",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Range = tuple[int, int]  # leaves from the first up to, not including, the second


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: the roots of its full sub trees, largest first. All that appending needs.

    `nodes` has one hash for each 1 in the binary form of `size`.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Frontier":
        """The edge with one more leaf (its hash)."""
        nodes, node, size = list(self.nodes), leaf, self.size
        while size & 1:
            node = node_hash(nodes.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*nodes, node))

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.nodes:
            return EMPTY_ROOT
        *rest, root = self.nodes
        for node in reversed(rest):
            root = node_hash(node, root)
        return root


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    edge = Frontier()
    for leaf in leaves:
        edge = edge.append(leaf)
    return edge.root()


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The sub trees whose roots prove that leaf `index` is in the tree of `size` leaves: PATH of section 2.1.1."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The sub trees whose roots prove that the tree of `old` leaves is the start of that of `new`: PROOF of 2.1.2."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves has no proof about one of {old}")
    ranges: list[Range] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # where the old tree is a full sub tree from leaf 0 on, its root is known to who asks
        ranges.append((start, end))
    return ranges[::-1]


def roots_of(leaves: Iterable[bytes], ranges: Sequence[Range]) -> list[bytes]:
    """The root of each range, in their order; `leaves` (hashes, from 0 on) are read once. Ranges do not overlap."""
    roots: dict[Range, bytes] = {}
    waiting = sorted(ranges, reverse=True)
    edge = Frontier()
    for index, leaf in enumerate(leaves):
        if not waiting:
            break
        start, end = waiting[-1]
        if index >= start:
            edge = edge.append(leaf)
        if index + 1 == end:
            roots[waiting.pop()], edge = edge.root(), Frontier()
    if waiting:
        raise ValueError(f"leaves end before {waiting[0][1]}")
    return [roots[one] for one in ranges]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` leads from the leaf's hash at `index` to the `root` of `size` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree of `old` leaves is the start of that of `new` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if not 0 < old < new or not path:
        return False
    rest = list(path)
    if old & (old - 1) == 0:
        rest.insert(0, old_root)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _split(size: int) -> int:
    """The largest power of two below `size` (> 1)."""
    return 1 << (size - 1).bit_length() - 1
