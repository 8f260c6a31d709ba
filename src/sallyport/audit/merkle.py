"""Merkle trees as in RFC 6962 and RFC 9162: hashes, proofs and their verification. Pure.

Hashes are 32 bytes of SHA-256. A proof is a list of hashes, lowest level first. Building a proof asks a
`node(level, index)` function for the root of the complete subtree of `2**level` leaves that starts at
leaf `index << level`; where the hashes are kept is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """RFC 9162 section 2.1.1: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 section 2.1.1: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def pair_up(hashes: Sequence[bytes]) -> list[bytes]:
    """The next level up. An odd last hash is promoted unchanged, which gives RFC 9162's tree."""
    paired = [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(hashes[::2], hashes[1::2], strict=False)
    ]
    if len(hashes) & 1:
        paired.append(hashes[-1])
    return paired


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of a list of leaf hashes (or of equally high complete subtrees)."""
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > 1:
        hashes = pair_up(hashes)
    return hashes[0]


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root of a tree from its complete subtrees, the largest (leftmost) first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def paths_of(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The levels of a small tree, leaves first; `path_in` reads inclusion proofs from it."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        levels.append(pair_up(levels[-1]))
    return levels


def path_in(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The inclusion proof of one leaf in a tree made by `paths_of`."""
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return path


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """RFC 9162 section 2.1.3.1: PATH(index, D[0:size]). Raises ValueError outside of the tree."""
    if not 0 <= index < size:
        raise ValueError("the index is outside of the tree")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """RFC 9162 section 2.1.4.1: PROOF(old, D[0:new]). Empty for old = 0 and for old = new."""
    if not 0 <= old <= new:
        raise ValueError("the old tree is larger than the new one")
    if old in (0, new):
        return []
    path: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low, whole = middle, False
    if not whole:
        path.append(_range_root(low, high, node))
    return path[::-1]


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to (RFC 9162 section 2.1.3.2), or None if its shape is wrong."""
    if not 0 <= index < size or any(len(h) != HASH_BYTES for h in proof):
        return None
    first, second, result = index, size - 1, leaf
    for sibling in proof:
        if second == 0:
            return None
        if first & 1 or first == second:
            result = node_hash(sibling, result)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            result = node_hash(result, sibling)
        first, second = first >> 1, second >> 1
    return result if second == 0 else None


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from the leaf to the root."""
    return inclusion_root(leaf, index, size, proof) == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2; an empty old tree is consistent with every tree."""
    if not 0 <= old <= new or any(len(h) != HASH_BYTES for h in proof):
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == new:
        return not proof and old_root == new_root
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        return False
    first, second = old - 1, new - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    old_result = new_result = hashes[0]
    for sibling in hashes[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            old_result, new_result = node_hash(sibling, old_result), node_hash(sibling, new_result)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            new_result = node_hash(new_result, sibling)
        first, second = first >> 1, second >> 1
    return second == 0 and old_result == old_root and new_result == new_root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(low: int, high: int, node: Node) -> bytes:
    """MTH(D[low:high]) from complete subtrees; `low` is a multiple of the largest of them."""
    peaks = []
    while low < high:
        level = (high - low).bit_length() - 1
        peaks.append(node(level, low >> level))
        low += 1 << level
    return fold(peaks)
