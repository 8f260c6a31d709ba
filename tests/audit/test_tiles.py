from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.audit.merkle import leaf_hash, root_of
from sallyport.audit.tiles import (
    MAX_ENTRY,
    TileTree,
    bundle_path,
    index_path,
    prefixed,
    split_bundle,
    split_hashes,
    tile_path,
    tiles_of,
)


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (67, "067"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")],
)
def test_index_paths(index: int, path: str) -> None:
    assert index_path(index) == path


def test_paths_of_full_and_partial_files() -> None:
    assert tile_path(0, 5) == "tile/0/005"
    assert tile_path(2, 1234, 17) == "tile/2/x001/234.p/17"
    assert bundle_path(1234) == "tile/entries/x001/234"
    assert bundle_path(0, 255) == "tile/entries/000.p/255"


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        (0, []),
        (1, [(0, 0, 1)]),
        (256, [(0, 0, 256), (1, 0, 1)]),
        (257, [(0, 0, 256), (0, 1, 1), (1, 0, 1)]),
    ],
)
def test_the_tiles_of_a_size(size: int, tiles: list[tuple[int, int, int]]) -> None:
    assert list(tiles_of(size)) == tiles


@given(st.lists(st.integers(0, 400), max_size=12))
def test_any_chunking_gives_the_same_tiles_and_root(chunks: list[int]) -> None:
    size = sum(chunks)
    leaves = [leaf_hash(b"%d" % i) for i in range(size)]
    tree = TileTree()
    at = 0
    for chunk in chunks:
        tree.extend(leaves[at : at + chunk])
        at += chunk
    assert tree.root() == root_of(leaves)
    made = [(level, index, len(data) // 32) for level, index, data in tree.full]
    made += [(level, index, width) for level, index, width, _ in tree.partials()]
    assert sorted(made) == sorted(tiles_of(size))
    bottom = {index: data for level, index, data in tree.full if level == 0}
    assert b"".join(bottom[i] for i in sorted(bottom)) == b"".join(leaves[: size // 256 * 256])


def test_a_tree_of_three_levels() -> None:
    leaves = [leaf_hash(b"%d" % i) for i in range(65_536 + 300)]
    tree = TileTree()
    tree.extend(leaves)
    assert tree.root() == root_of(leaves)
    top = [data for level, _, data in tree.full if level == 1]
    assert [len(data) for data in top] == [256 * 32]
    assert tree.levels[2] == [root_of(leaves[:65_536])]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_are_split_as_they_were_joined(entries: list[bytes]) -> None:
    data = b"".join(prefixed(entry) for entry in entries)
    assert split_bundle(data) == entries
    if data:
        with pytest.raises(ValueError, match="ends inside"):
            split_bundle(data + b"\x00")
        if entries[-1]:
            with pytest.raises(ValueError, match="ends inside"):
                split_bundle(data[:-1])


def test_an_entry_of_more_than_65535_bytes_is_refused() -> None:
    assert split_bundle(prefixed(b"x" * MAX_ENTRY)) == [b"x" * MAX_ENTRY]
    with pytest.raises(ValueError, match="65,535"):
        prefixed(b"x" * (MAX_ENTRY + 1))


def test_a_tile_that_ends_inside_a_hash_is_refused() -> None:
    assert split_hashes(bytes(64)) == [bytes(32), bytes(32)]
    with pytest.raises(ValueError, match="inside a hash"):
        split_hashes(bytes(63))
