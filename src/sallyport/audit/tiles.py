"""C2SP tlog-tiles: where hashes and entries lie, and the tree that grows in tiles of 256. Pure.

Paths are relative to the log's folder: `tile/<L>/<N>[.p/<W>]` for hashes, `tile/entries/<N>[.p/<W>]`
for entry bundles, N in groups of three digits with `x` before all but the last (`x001/234`).
An entry in a bundle is `uint16 length (big-endian) || entry`, so an entry has at most 65,535 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sallyport.audit.merkle import HASH_BYTES, fold, root_of

WIDTH = 256
BITS = 8
MAX_ENTRY = 65_535


def index_path(index: int) -> str:
    """`1234067` -> `x001/x234/067`."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:  # noqa: PLR2004 - the specification's grouping
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """The path of a tile of hashes; a width below 256 names a partial tile."""
    return f"tile/{level}/{index_path(index)}" + (f".p/{width}" if width < WIDTH else "")


def bundle_path(index: int, width: int = WIDTH) -> str:
    """The path of an entry bundle."""
    return f"tile/entries/{index_path(index)}" + (f".p/{width}" if width < WIDTH else "")


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """All (level, index, width) that a tree of `size` entries has, full and partial."""
    level = 0
    while size:
        yield from ((level, index, WIDTH) for index in range(size // WIDTH))
        if size % WIDTH:
            yield level, size // WIDTH, size % WIDTH
        size //= WIDTH
        level += 1


def prefixed(entry: bytes) -> bytes:
    """An entry as it stands in a bundle. Raises ValueError if it is too large for the format."""
    if len(entry) > MAX_ENTRY:
        raise ValueError("the entry has more than 65,535 bytes")
    return len(entry).to_bytes(2, "big") + entry


def split_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError if the lengths do not add up."""
    entries, offset, end = [], 0, len(data)
    while offset < end:
        start = offset + 2
        offset = start + (data[offset] << 8 | data[start - 1]) if start <= end else end + 1
        if offset > end:
            raise ValueError("the bundle ends inside an entry")
        entries.append(data[start:offset])
    return entries


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile. Raises ValueError if it is not a whole number of them."""
    if len(data) % HASH_BYTES:
        raise ValueError("the tile ends inside a hash")
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


class TileTree:
    """A growing tree. `levels[k]` holds the hashes of the unfinished tile of level k.

    Finished tiles are collected in `full` as (level, index, bytes) until someone takes them.
    """

    def __init__(self, size: int = 0, levels: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self.levels = [list(level) for level in levels] or [[]]
        self.full: list[tuple[int, int, bytes]] = []

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        self.size += len(leaves)
        bottom = self.levels[0]
        bottom.extend(leaves)
        while len(bottom) >= WIDTH:
            tile = bottom[:WIDTH]
            del bottom[:WIDTH]
            self._finish(0, (self.size - len(bottom)) // WIDTH - 1, tile)

    def _finish(self, level: int, index: int, tile: list[bytes]) -> None:
        self.full.append((level, index, b"".join(tile)))
        if len(self.levels) == level + 1:
            self.levels.append([])
        above = self.levels[level + 1]
        above.append(root_of(tile))
        if len(above) == WIDTH:
            self.levels[level + 1] = []
            self._finish(level + 1, index // WIDTH, above)

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        peaks = []
        for level in reversed(self.levels):
            start = 0
            while start < len(level):
                count = 1 << ((len(level) - start).bit_length() - 1)
                peaks.append(root_of(level[start : start + count]))
                start += count
        return fold(peaks)

    def partials(self) -> list[tuple[int, int, int, bytes]]:
        """The unfinished tiles as (level, index, width, bytes)."""
        return [
            (k, self.size >> (BITS * (k + 1)), len(level), b"".join(level))
            for k, level in enumerate(self.levels)
            if level
        ]
