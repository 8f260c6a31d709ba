"""The verification of one log: every entry against its tile, every tile against the tree, the tree against the signature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct

from sallyport.audit.checkpoint import Checkpoint, open_checkpoint
from sallyport.audit.entry import ERASE
from sallyport.audit.frames import Batch, Scan
from sallyport.audit.intents import OpenIntents, Orphan
from sallyport.audit.merkle import HASH_BYTES, leaf_hash
from sallyport.audit.payloads import RECORD, Found, payload_paths, records
from sallyport.audit.reader import LogReader
from sallyport.audit.report import LogReport, Problem
from sallyport.audit.tiles import WIDTH, TileTree, bundle_path, split_bundle, split_hashes, tile_path
from sallyport.audit.wal import scan_segment, segment_paths
from sallyport.errors import LogFault

Progress = Callable[[str, int, int], None]
BAD_ENTRY = "the entry does not give the hash that is in its tile"


class Head(Struct, frozen=True):
    """The members of an entry that a verification reads."""

    kind: str = ""
    request: str = ""
    payload_sha256: str = ""
    orphans: tuple[Orphan, ...] = ()
    action: str = ""
    shard: str = ""
    index: int = -1
    state: str = ""
    size: int = 0
    root: str = ""
    public_key: str = ""


Heads = Callable[[int, Head], None]
DECODER = msgspec.json.Decoder(Head)


class LogCheck:
    """Walks one log from its first entry to its last. `heads` sees every entry that could be read."""

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        heads: Heads | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.reader = LogReader(directory)
        self.report = LogReport(log=name)
        self.problems: list[Problem] = []
        self.erased: list[int] = []
        self.erasures: list[tuple[str, int]] = []
        self._directory, self._name = directory, name
        self._heads, self._progress = heads, progress
        self._tree = TileTree()
        self._open = OpenIntents()
        self._payloads = self._records()
        self._payload = next(self._payloads, None)

    def run(self, size: int, marks: dict[int, bytes]) -> None:
        """Check the first `size` entries and what is behind them. `marks`: size -> root that was signed for it."""
        self.report.size = size
        for marked in sorted(marks):
            if marked > size:
                self._bad(size, f"entries are missing: a checkpoint of {marked} entries is known")
        for start in range(0, size, WIDTH):
            self._bundle(start, min(WIDTH, size - start), marks)
            if self._progress:
                self._progress(self._name, self._tree.size, size)
        self.report.root = self._tree.root().hex()
        self._partials()
        self._stale()
        self._segments(size)
        self._left_over()
        self.report.open_intents = self._open.intents

    def _bad(self, index: int, why: str) -> None:
        self.problems.append(Problem(log=self._name, index=index, why=why))

    # entries and tiles

    def _bundle(self, start: int, width: int, marks: dict[int, bytes]) -> None:
        """One bundle: read, hash, compare with its tile, grow the tree, look at the entries."""
        index = start // WIDTH
        entries = self._read_bundle(index, width)
        leaves = [leaf_hash(entry) for entry in entries]
        leaves += self._hashes_for_missing(index, width)[len(leaves) :]
        self._compare(tile_path(0, index, width), b"".join(leaves), start, BAD_ENTRY)
        self._grow(start, leaves, marks)
        for position, entry in enumerate(entries, start):
            self._entry(position, entry)

    def _read_bundle(self, index: int, width: int) -> list[bytes]:
        name = bundle_path(index, width)
        data = self._file(name)
        if data is None:
            self._bad(index * WIDTH, f"{name} is missing")
            return []
        try:
            entries = split_bundle(data)
        except ValueError:
            self._bad(index * WIDTH, f"{name} cannot be read")
            return []
        if len(entries) < width or (len(entries) > width and (self._directory / name).is_file()):
            at = index * WIDTH + min(len(entries), width)
            self._bad(at, f"{name} has {len(entries)} entries, not {width}")
        return entries[:width]

    def _file(self, name: str) -> bytes | None:
        """A file of the checkpoint; a partial one may have become full, and been removed, while we read."""
        for path in (self._directory / name, self._directory / name.partition(".p/")[0]):
            with suppress(FileNotFoundError):
                return path.read_bytes()
        return None

    def _hashes_for_missing(self, index: int, width: int) -> list[bytes]:
        """The tile's own hashes stand in for entries that are not there, so that the walk can go on."""
        try:
            return self.reader.hashes(0, index, width)
        except (LogFault, ValueError):
            return [bytes(HASH_BYTES)] * width

    def _grow(self, start: int, leaves: list[bytes], marks: dict[int, bytes]) -> None:
        """Extend the tree, stopping at the sizes whose root is known."""
        at = start
        for size in sorted(s for s in marks if start < s <= start + len(leaves)):
            self._tree.extend(leaves[at - start : size - start])
            at = size
            self._mark(marks)
        self._tree.extend(leaves[at - start :])
        above = [tile for tile in self._tree.full if tile[0] > 0]
        self._tree.full = []
        self._tiles([(*tile, WIDTH) for tile in above])

    def _mark(self, marks: dict[int, bytes]) -> None:
        if marks[self._tree.size] != self._tree.root():
            why = f"the first {self._tree.size} entries do not give the root that was signed for them"
            self.problems.append(Problem(log=self._name, why=why))

    def _tiles(self, tiles: Sequence[tuple[int, int, bytes, int]]) -> None:
        for level, index, data, width in tiles:
            first = index << 8 * (level + 1)
            why = f"{tile_path(level, index, width)} is not what its entries give"
            self._compare(tile_path(level, index, width), data, first, why, step=1 << 8 * level)

    def _partials(self) -> None:
        self._tiles([(k, i, data, width) for k, i, width, data in self._tree.partials() if k > 0])

    def _compare(self, name: str, expected: bytes, first: int, why: str, step: int = 1) -> None:
        """A file of hashes against what it must be; names the first entry under the first wrong hash."""
        data = self._file(name)
        if data is None:
            self._bad(first, f"{name} is missing")
            return
        if data == expected or (data.startswith(expected) and not (self._directory / name).is_file()):
            return
        position = next(
            (
                i
                for i in range(len(expected) // HASH_BYTES)
                if data[i * HASH_BYTES : (i + 1) * HASH_BYTES]
                != expected[i * HASH_BYTES : (i + 1) * HASH_BYTES]
            ),
            None,
        )
        if position is None:
            self._bad(first, f"{name} has too many bytes")
        else:
            self._bad(first + position * step, why)

    def _stale(self) -> None:
        """Older partial tiles and bundles must be the beginning of what came after them."""
        for folder in sorted((self._directory / "tile").rglob("*.p")):
            for path in sorted(folder.iterdir(), key=lambda p: p.name):
                self._stale_one(folder, path)

    def _stale_one(self, folder: Path, path: Path) -> None:
        level, index = _place(folder.relative_to(self._directory / "tile"))
        known = min(WIDTH, (self._tree.size >> 8 * max(level, 0)) - index * WIDTH)
        width = int(path.name) if path.name.isdigit() else WIDTH
        if width >= known:
            return  # the newest one was checked; a wider one belongs to a checkpoint that never came
        newest = folder.with_suffix("") if known == WIDTH else folder / str(known)
        data, longer = _bytes(path), _bytes(newest)
        if not longer.startswith(data) or _count(data, level) != width:
            name = path.relative_to(self._directory)
            self._bad(index << 8 * max(level + 1, 1), f"{name} is not the beginning of what came after it")

    # the entries' content

    def _entry(self, index: int, entry: bytes) -> None:
        try:
            head = DECODER.decode(entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._bad(index, "the entry is not JSON of this log's schema")
            return
        kinds = self.report.kinds
        kinds[head.kind] = kinds.get(head.kind, 0) + 1
        if head.orphans:
            self.report.outcome_unknown += len(head.orphans)
            self._open.end(orphan.request for orphan in head.orphans)
        self._open.note(head.kind, head.request, index)
        if head.payload_sha256 or (self._payload and self._payload[0].index <= index):
            self._check_payload(index, head.payload_sha256)
        if head.action == ERASE:
            self.erasures.append((head.shard, head.index))
        if self._heads:
            self._heads(index, head)

    def _check_payload(self, index: int, digest: str) -> None:
        found = self._payload
        while found and found[0].index < index:
            self._bad(found[0].index, "the payload store is out of order")
            found = next(self._payloads, None)
        self._payload = found
        if found is None or found[0].index != index:
            self._bad(index, "the payload is missing")
            return
        record, data = found
        self._payload = next(self._payloads, None)
        self.report.payloads += 1
        if record.erased:
            self.report.erased += 1
            self.erased.append(index)
            if data.strip(b"\x00") or record.crc:
                self._bad(index, "the payload is marked as erased but still there")
        elif sha256(data).hexdigest() != digest:
            self._bad(index, "the payload was changed")
        elif crc32(data) != record.crc:
            self._bad(index, "the header of the payload was changed, so that it cannot be read")

    def _records(self) -> Iterator[tuple[Found, bytes]]:
        for path in payload_paths(self._directory):
            with path.open("rb") as file:
                for found in records(path):
                    file.seek(found.place.offset + RECORD.size)
                    yield found, file.read(found.length)

    def _left_over(self) -> None:
        """Payloads behind the last entry belong to a batch that never became durable."""
        rest = chain([self._payload] if self._payload else [], self._payloads)
        known = self._tree.size + self.report.unpublished
        for record, _ in rest:
            if record.index < known:
                self._bad(record.index, "the payload store is out of order")

    # the write-ahead segments

    def _segments(self, size: int) -> None:
        paths = segment_paths(self._directory)
        end = -1
        for path in paths:
            try:
                found = scan_segment(path)
            except FileNotFoundError:
                end = -1  # published and dropped while we read
                continue
            last = path == paths[-1]
            if found is None and last:
                continue  # it was being made
            if found is None or _is_bad(found, int(path.stem), last=last):
                self._bad(found.next if found else int(path.stem), f"{path.name} is damaged")
                return
            if end not in (-1, found.first):
                self._bad(end, f"{path.name} does not follow the segment before it")
            end = found.next
            self.report.torn_bytes += found.size - found.end
            for batch in found.batches:
                self._batch(batch, size)
        if end < size:
            self._bad(max(end, 0), "entries are missing from the write-ahead segments")

    def _batch(self, batch: Batch, size: int) -> None:
        for index, entry in enumerate(batch.entries, batch.first):
            if index >= size:
                self.report.unpublished += 1
                self._entry(index, entry)
            elif not self._same(index, entry):
                self._bad(index, "the write-ahead segment has another entry than the log")

    def _same(self, index: int, entry: bytes) -> bool:
        try:
            return self.reader.node(0, index) == leaf_hash(entry)
        except (LogFault, ValueError):
            return False


def signed_checkpoint(note: str, origin: str, keys: Sequence[bytes]) -> Checkpoint:
    """The checkpoint, if one of the keys has signed it for this origin. Raises ValueError."""
    reason = "no key is known"
    for key in keys:
        try:
            return open_checkpoint(note, origin, key)
        except ValueError as error:
            reason = str(error)
    raise ValueError(reason)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # tidied away while we read, or missing, which was named already


def _count(data: bytes, level: int) -> int:
    """How many whole hashes or entries there are, -1 if not only whole ones."""
    try:
        return len(split_bundle(data) if level < 0 else split_hashes(data))
    except ValueError:
        return -1


def _is_bad(found: Scan, first: int, *, last: bool) -> bool:
    """Only the last segment may end in an unfinished write."""
    return found.damaged or found.first != first or (found.end != found.size and not last)


def _place(folder: Path) -> tuple[int, int]:
    """(level, index) of `0/x001/234.p`; level -1 for entry bundles."""
    level, *groups = folder.parts
    digits = "".join(group.removesuffix(".p").removeprefix("x") for group in groups)
    return (-1 if level == "entries" else int(level)), int(digits)
