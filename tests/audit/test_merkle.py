"""RFC 6962's own test vectors, every proof up to 300 leaves, random ones up to 100,000."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.audit.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    path_in,
    paths_of,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from sallyport.audit.tiles import TileTree

# The leaves and roots of the test tree of Google's certificate-transparency code (RFC 6962).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def reference_root(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 9162 section 2.1.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(reference_root(leaves[:k]), reference_root(leaves[k:]))


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(i.to_bytes(4, "big")) for i in range(count)]


class Nodes:
    """All complete subtrees of a list of leaf hashes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels = [leaves]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([node_hash(a, b) for a, b in zip(below[::2], below[1::2], strict=False)])

    def __call__(self, level: int, index: int) -> bytes:
        return self.levels[level][index]


@pytest.mark.parametrize("size", ROOTS)
def test_roots_of_the_known_tree(size: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in LEAVES[:size]]
    assert root_of(leaves).hex() == ROOTS[size]
    tree = TileTree()
    tree.extend(leaves)
    assert tree.root().hex() == ROOTS[size]


def test_root_of_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert sha256(b"").digest() == EMPTY_ROOT == root_of([]) == TileTree().root()


def test_all_sizes_up_to_300_have_the_root_of_the_definition_and_proofs_that_verify() -> None:
    leaves = hashes(300)
    node = Nodes(leaves)
    roots = [reference_root(leaves[:n]) for n in range(301)]
    for size in range(1, 301):
        assert root_of(leaves[:size]) == roots[size]
        for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
            proof = inclusion_proof(index, size, node)
            assert verify_inclusion(leaves[index], index, size, proof, roots[size])
        for old in {0, 1, 2, size // 3, size // 2, size - 1, size}:
            if old <= size:
                proof = consistency_proof(old, size, node)
                assert verify_consistency(old, size, roots[old], roots[size], proof)


@pytest.fixture(scope="module")
def large() -> tuple[list[bytes], Nodes]:
    leaves = hashes(100_000)
    return leaves, Nodes(leaves)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_sizes_to_100000(large: tuple[list[bytes], Nodes], data: st.DataObject) -> None:
    leaves, node = large
    size = data.draw(st.integers(1, 100_000))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    root, old_root = root_of(leaves[:size]), root_of(leaves[:old])
    proof = inclusion_proof(index, size, node)
    assert verify_inclusion(leaves[index], index, size, proof, root)
    chain = consistency_proof(old, size, node)
    assert verify_consistency(old, size, old_root, root, chain)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), size=st.integers(2, 300))
def test_no_altered_proof_verifies(data: st.DataObject, size: int) -> None:
    leaves = hashes(size)
    node, root = Nodes(leaves), root_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, node)
    at = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    assert not verify_inclusion(leaves[index], index, size, [*proof[:at], flipped, *proof[at + 1 :]], root)
    assert not verify_inclusion(leaves[index], index, size, proof[:-1], root)
    assert not verify_inclusion(leaves[index], index, size, [*proof, proof[0]], root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    assert not verify_inclusion(leaves[index], (index + 1) % size, size, proof, root)
    old = data.draw(st.integers(1, size - 1))
    chain = consistency_proof(old, size, node)
    old_root = root_of(leaves[:old])
    assert not verify_consistency(old, size, leaf_hash(b"another"), root, chain)
    assert not verify_consistency(old, size, old_root, leaf_hash(b"another"), chain)
    assert not verify_consistency(old, size, old_root, root, chain[:-1])
    assert not verify_consistency(old, size, old_root, root, [*chain, root])


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)], ids=["empty", "behind", "negative", "end"]
)
def test_an_index_outside_of_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        inclusion_proof(index, size, Nodes(hashes(4)))
    assert not verify_inclusion(hashes(1)[0], index, size, [], hashes(1)[0])


def test_a_smaller_new_tree_has_no_consistency_proof() -> None:
    with pytest.raises(ValueError, match="larger"):
        consistency_proof(3, 2, Nodes(hashes(4)))
    assert not verify_consistency(3, 2, EMPTY_ROOT, EMPTY_ROOT, [])


@given(count=st.integers(1, 200))
def test_the_paths_of_a_small_tree_are_its_inclusion_proofs(count: int) -> None:
    leaves = hashes(count)
    levels = paths_of(leaves)
    assert levels[-1] == [root_of(leaves)]
    for index in range(count):
        assert path_in(levels, index) == inclusion_proof(index, count, Nodes(leaves))
