"""One log: a batch becomes durable, the tree grows, tiles and checkpoints are published. Synchronous.

`commit` belongs to one thread, `publish` to one thread (it may be another). Order on the disk: payloads, entries;
then, with the next checkpoint: full bundles and tiles, the checkpoint, and only then old write-ahead segments go.
After an OSError the log must be opened anew (`recover.open_log`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from msgspec import Struct

from sallyport.audit import intents
from sallyport.audit.checkpoint import Checkpoint, sign_checkpoint
from sallyport.audit.files import Files
from sallyport.audit.intents import OpenIntents
from sallyport.audit.merkle import leaf_hash
from sallyport.audit.note import Signer
from sallyport.audit.payloads import PayloadWriter
from sallyport.audit.reader import CHECKPOINT
from sallyport.audit.rows import NAME as ROWS
from sallyport.audit.rows import NOWHERE, ROW, row
from sallyport.audit.tiles import WIDTH, TileTree, bundle_path, tile_path
from sallyport.audit.wal import Wal


class Item(Struct, frozen=True):
    """An entry on its way into the log: its bytes with the bundle's length prefix, and what is indexed of it."""

    prefixed: bytes
    kind: str
    request: str = ""
    payload: bytes | None = None


class Snapshot(Struct, frozen=True):
    """What one publication writes."""

    tree: TileTree
    full: list[tuple[int, int, bytes]]
    bundles: list[tuple[int, bytes]]
    tail: tuple[int, int, bytes]  # index, width, bytes of the unfinished bundle
    open: dict[str, int]


class Log:
    """An opened log. Make one with `recover.open_log`."""

    def __init__(
        self,
        directory: Path,
        origin: str,
        signer: Signer,
        files: Files,
        *,
        wal: Wal,
        payloads: PayloadWriter,
    ) -> None:
        self.directory, self.origin, self.files = directory, origin, files
        self._signer, self._wal, self._payloads = signer, wal, payloads
        self._tree = TileTree()
        self._unfinished: list[bytes] = []  # prefixed entries since the last full bundle that was written
        self._unfinished_first = 0
        self._rows = files.open(directory / ROWS)
        self._lock = Lock()
        self._dirty: set[Path] = set()
        self.open = OpenIntents()
        self.checkpoint: Checkpoint | None = None  # the last one that was published

    @property
    def published(self) -> int:
        """How many entries the last published checkpoint has, -1 before the first."""
        return self.checkpoint.size if self.checkpoint else -1

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._tree.size

    def adopt(self, tree: TileTree, first: int, unfinished: list[bytes], opened: OpenIntents) -> None:
        """Take over what was found on the disk."""
        self._tree, self.open = tree, opened
        self._unfinished, self._unfinished_first = unfinished, first

    def commit(self, items: Sequence[Item]) -> tuple[int, list[bytes]]:
        """Make a batch durable: (index of the first, leaf hashes). Raises OSError; then the log is unusable."""
        first = self._tree.size
        prefixed = [item.prefixed for item in items]
        sealed = [(first + i, item.payload) for i, item in enumerate(items) if item.payload is not None]
        places = (
            dict(zip([i for i, _ in sealed], self._payloads.append(sealed), strict=True)) if sealed else {}
        )
        self._wal.append(first, prefixed)
        rows = [row(item.request, places.get(index, NOWHERE)) for index, item in enumerate(items, first)]
        self.files.put(self._rows, b"".join(rows), first * ROW.size)
        leaves = [leaf_hash(data[2:]) for data in prefixed]
        with self._lock:
            self._tree.extend(leaves)
            self._unfinished += prefixed
            for index, item in enumerate(items, first):
                self.open.note(item.kind, item.request, index)
        return first, leaves

    def publish(self) -> Checkpoint:
        """Write tiles, bundles and a signed checkpoint of all that is durable. Raises OSError."""
        taken = self._take()
        for level, index, data in taken.full:
            self._write(tile_path(level, index), data, durable=True)
        for index, data in taken.bundles:
            self._write(bundle_path(index), data, durable=True)
        for level, index, width, data in taken.tree.partials():
            self._write(tile_path(level, index, width), data, durable=False)
        index, width, data = taken.tail
        if width:
            self._write(bundle_path(index, width), data, durable=False)
        checkpoint = Checkpoint(self.origin, taken.tree.size, taken.tree.root())
        note = sign_checkpoint(checkpoint, self._signer)
        intents.save(self.files, self.directory, checkpoint.size, taken.open)
        self.files.replace(self.directory / CHECKPOINT, note.encode(), durable=True)
        self.files.sync_folder(self.directory)
        self.checkpoint = checkpoint
        self._tidy(taken)
        return checkpoint

    def trim(self) -> None:
        """Cut what was written ahead. Raises OSError."""
        self._wal.trim()
        self._payloads.trim()

    def close(self) -> None:
        """Close the files, without publishing. Closing twice does nothing."""
        self._wal.close()
        self._payloads.close()
        if self._rows >= 0:
            os.close(self._rows)
            self._rows = -1

    def _take(self) -> Snapshot:
        with self._lock:
            tree = TileTree(self._tree.size, self._tree.levels)
            full, self._tree.full = self._tree.full, []
            entries, first = self._unfinished, self._unfinished_first // WIDTH
            count = len(entries) // WIDTH
            self._unfinished = entries[count * WIDTH :]
            self._unfinished_first = (first + count) * WIDTH
            opened = dict(self.open.intents)
        bundles = [(first + i, b"".join(entries[i * WIDTH : (i + 1) * WIDTH])) for i in range(count)]
        tail = entries[count * WIDTH :]
        return Snapshot(tree, full, bundles, (first + count, len(tail), b"".join(tail)), opened)

    def _write(self, name: str, data: bytes, *, durable: bool) -> None:
        path = self.directory / name
        if path.is_file() and path.read_bytes() == data:
            return
        self.files.replace(path, data, durable=durable)
        if durable:
            self._dirty.add(path.parent)

    def _tidy(self, taken: Snapshot) -> None:
        """Remove the partial versions of what is full now, and the segments that are published."""
        names = [tile_path(level, index) for level, index, _ in taken.full]
        for name in names + [bundle_path(index) for index, _ in taken.bundles]:
            shutil.rmtree(self.directory / f"{name}.p", ignore_errors=True)
        gone = self._wal.droppable(self.published // WIDTH * WIDTH)
        if gone:
            for folder in self._dirty:
                self.files.sync_folder(folder)
            self._dirty = set()
            self._wal.drop(gone)
