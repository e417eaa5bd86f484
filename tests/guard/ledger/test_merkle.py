"""Against the vectors of Certificate Transparency's reference implementation, and RFC 6962 word for word."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    roots_of,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def split(size: int) -> int:
    return max(1 << power for power in range(size) if 1 << power < size)


def root(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), root(leaves[k:])]
    return [*path(m - k, leaves[k:]), root(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), root(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), root(leaves[:k])]


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(bytes([number & 255, number >> 8])) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_implementation(size: int) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size]


def test_leaves_and_nodes_are_told_apart() -> None:
    assert leaf_hash(b"").hex() == ROOTS[1]
    assert hashlib.sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest() == node_hash(LEAVES[0], LEAVES[1])
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_of_the_reference_implementation(index: int, size: int) -> None:
    found = roots_of(LEAVES, inclusion_ranges(index, size))
    assert [one.hex() for one in found] == INCLUSION[index, size]
    assert verify_inclusion(LEAVES[index], index, size, found, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_of_the_reference_implementation(old: int, new: int) -> None:
    found = roots_of(LEAVES, consistency_ranges(old, new))
    assert [one.hex() for one in found] == CONSISTENCY[old, new]
    assert verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), found)


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_of_small_trees_is_that_of_the_standard(size: int) -> None:
    leaves = some_leaves(size)
    top = root(leaves)
    for index in range(size):
        found = roots_of(leaves, inclusion_ranges(index, size))
        assert found == path(index, leaves)
        assert verify_inclusion(leaves[index], index, size, found, top)
    for old in range(1, size + 1):
        found = roots_of(leaves, consistency_ranges(old, size))
        assert found == subproof(old, leaves, True)
        assert verify_consistency(old, size, root(leaves[:old]), top, found)


@given(st.integers(0, 400))
def test_the_edge_is_that_of_the_standard_s_tree(size: int) -> None:
    leaves, edge = some_leaves(size), Frontier()
    for leaf in leaves:
        edge = edge.append(leaf)
    assert (edge.size, edge.root(), len(edge.nodes)) == (size, root(leaves), size.bit_count())


@given(st.data())
def test_a_false_inclusion_proof_is_refused(data: Any) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    leaves = some_leaves(size)
    top, found = root(leaves), path(index, leaves)
    other_leaf = leaf_hash(b"another")
    assert not verify_inclusion(other_leaf, index, size, found, top)
    assert not verify_inclusion(leaves[index], index, size, found, other_leaf)
    assert not verify_inclusion(leaves[index], index, size, [*found, other_leaf], top)
    other_index = data.draw(st.integers(-1, size + 1).filter(lambda one: one != index))
    assert not verify_inclusion(leaves[index], other_index, size, found, top)
    if found:
        at = data.draw(st.integers(0, len(found) - 1))
        assert not verify_inclusion(leaves[index], index, size, found[:at] + found[at + 1 :], top)
        assert not verify_inclusion(leaves[index], index, size, [*found[:at], other_leaf, *found[at + 1 :]], top)


@given(st.data())
def test_a_false_consistency_proof_is_refused(data: Any) -> None:
    new = data.draw(st.integers(2, 70))
    old = data.draw(st.integers(1, new - 1))
    leaves = some_leaves(new)
    before, after, found = root(leaves[:old]), root(leaves), subproof(old, leaves, True)
    other = leaf_hash(b"another")
    assert not verify_consistency(old, new, other, after, found)
    assert not verify_consistency(old, new, before, other, found)
    assert not verify_consistency(old, new, before, after, [*found, other])
    assert not verify_consistency(new, old, after, before, found)
    at = data.draw(st.integers(0, len(found) - 1))
    assert not verify_consistency(old, new, before, after, found[:at] + found[at + 1 :])
    assert not verify_consistency(old, new, before, after, [*found[:at], other, *found[at + 1 :]])


def test_a_tree_is_consistent_with_itself_and_with_the_empty_one() -> None:
    assert verify_consistency(0, 8, EMPTY_ROOT, bytes.fromhex(ROOTS[8]), [])
    assert not verify_consistency(0, 8, LEAVES[0], bytes.fromhex(ROOTS[8]), [])
    assert not verify_consistency(8, 8, bytes.fromhex(ROOTS[8]), bytes.fromhex(ROOTS[7]), [])


def test_proofs_of_what_is_not_there_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="leaf 8 is not in a tree of 8"):
        inclusion_ranges(8, 8)
    with pytest.raises(ValueError, match="a tree of 8 leaves has no proof about one of 9"):
        consistency_ranges(9, 8)
    with pytest.raises(ValueError, match="leaves end before"):
        roots_of(LEAVES[:4], inclusion_ranges(0, 8))
