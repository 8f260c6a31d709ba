"""Reading one log's folder: checkpoint, tiles, bundles, entries, proofs. Reads only; verifies nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sallyport.audit.checkpoint import Checkpoint, parse_checkpoint
from sallyport.audit.frames import Batch
from sallyport.audit.merkle import HASH_BYTES, root_of
from sallyport.audit.tiles import BITS, WIDTH, TileTree, bundle_path, split_bundle, split_hashes, tile_path
from sallyport.audit.wal import scan_segment, segment_paths
from sallyport.errors import LogFault

CHECKPOINT = "checkpoint"


class LogReader:
    """One log, as it lies on the disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def note(self) -> str | None:
        """The newest checkpoint as it was signed, None if there is none."""
        try:
            return (self.directory / CHECKPOINT).read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return None

    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint without looking at its signature. Raises LogFault."""
        try:
            return parse_checkpoint((self.note() or "").partition("\n\n")[0] + "\n")
        except ValueError:
            raise LogFault("there is no readable checkpoint") from None

    def hashes(self, level: int, index: int, width: int) -> list[bytes]:
        """The first `width` hashes of a tile, from the full tile, a partial one, or the tiles below it.

        Raises LogFault if they are nowhere.
        """
        for path in self._versions(tile_path(level, index), width):
            data = _read(path)
            if data is not None and len(data) >= width * HASH_BYTES:
                return split_hashes(data[: width * HASH_BYTES])
        if level == 0:
            raise LogFault(f"tile {tile_path(level, index)} is missing")
        return [root_of(self.hashes(level - 1, index * WIDTH + child, WIDTH)) for child in range(width)]

    def bundle(self, index: int, width: int) -> list[bytes] | None:
        """The first `width` entries of a bundle, None if there is no such bundle."""
        for path in self._versions(bundle_path(index), width):
            data = _read(path)
            if data is not None:
                entries = split_bundle(data)
                if len(entries) >= width:
                    return entries[:width]
        return None

    def entry(self, index: int) -> bytes:
        """One entry, from its bundle or from the write-ahead segments. Raises LogFault if it is in neither."""
        for _, entry in self.entries(index):
            return entry
        raise LogFault(f"entry {index} is missing")

    def end(self) -> int:
        """The index after the last durable entry."""
        paths = segment_paths(self.directory)
        found = scan_segment(paths[-1]) if paths else None
        return found.next if found else (int(paths[-1].stem) if paths else 0)

    def batches(self, start: int) -> Iterator[Batch]:
        """The batches of the write-ahead segments that hold entries from `start` on."""
        paths = segment_paths(self.directory)
        for position, path in enumerate(paths):
            if position + 1 < len(paths) and int(paths[position + 1].stem) <= start:
                continue
            found = _scan(path)
            for batch in found:
                if batch.first + len(batch.entries) > start:
                    yield batch

    def entries(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """All entries from an index on, published or not, one bundle in memory at a time."""
        index = start
        while True:
            while (bundle := self.bundle(index // WIDTH, WIDTH)) is not None:
                first = index // WIDTH * WIDTH
                yield from enumerate(bundle[index - first :], index)
                index = first + WIDTH
            for batch in self.batches(index):
                for position, entry in enumerate(batch.entries, batch.first):
                    if position == index:
                        yield index, entry
                        index += 1
            # A segment may have been published and dropped meanwhile; then its entries lie in bundles now.
            if not (self.directory / bundle_path(index // WIDTH)).is_file():
                return

    def node(self, level: int, index: int) -> bytes:
        """The root of a complete subtree of `2**level` leaves: what `merkle`'s proofs ask for."""
        tile_level, within = divmod(level, BITS)
        start = index << within
        tile, position = divmod(start, WIDTH)
        count = 1 << within
        known = self._tiles.get((tile_level, tile), [])
        if len(known) < position + count:
            known = self.hashes(tile_level, tile, position + count)
            self._tiles[tile_level, tile] = known
        return root_of(known[position : position + count])

    def tree(self, size: int) -> TileTree:
        """The tree of the first `size` entries, as the tiles have it."""
        levels: list[list[bytes]] = []
        count = size
        while count:
            width = count % WIDTH
            levels.append(self.hashes(len(levels), count // WIDTH, width) if width else [])
            count //= WIDTH
        return TileTree(size, levels)

    def _versions(self, name: str, width: int) -> Iterator[Path]:
        """The full file, then the partial ones that are wide enough, the narrowest first."""
        yield self.directory / name
        folder = self.directory / f"{name}.p"
        try:
            widths = sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit())
        except FileNotFoundError:
            return
        yield from (folder / str(w) for w in widths if w >= width)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _scan(path: Path) -> list[Batch]:
    """A segment's batches; none if the appender has dropped it meanwhile."""
    try:
        found = scan_segment(path)
    except FileNotFoundError:
        return []
    return found.batches if found else []
