"""Opening a log: what the disk holds is checked against the log's own last checkpoint, then continued.

The rules, in order; each failure is a LogFault that stops the start:
1. the checkpoint is signed by this log's key, and one is there if the log is known to have had one;
2. the write-ahead segments follow each other; only the last batch of the last one may be torn, it is cut;
3. no entry that the checkpoint counts is missing;
4. tiles before the segments, and the segments, give the checkpoint's root: history is what was signed;
5. full tiles and bundles that were published agree with the segments.
Only what lies in write-ahead segments is hashed again, so the time does not grow with the log. All the
rest is the work of `verify`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sallyport.audit import intents
from sallyport.audit.checkpoint import Checkpoint, open_checkpoint
from sallyport.audit.files import Files
from sallyport.audit.frames import START, Scan
from sallyport.audit.intents import DECODER, OpenIntents
from sallyport.audit.log import Log
from sallyport.audit.merkle import EMPTY_ROOT, leaf_hash
from sallyport.audit.note import Signer
from sallyport.audit.payloads import PayloadWriter, payload_paths, records
from sallyport.audit.reader import LogReader
from sallyport.audit.rows import NAME as ROWS
from sallyport.audit.rows import NOWHERE, ROW, Place, row
from sallyport.audit.tiles import WIDTH, TileTree, bundle_path, prefixed, tile_path
from sallyport.audit.wal import SEGMENT_BYTES, Wal, scan_all
from sallyport.errors import LogFault

Scans = list[tuple[Path, Scan]]


class Known(Struct, frozen=True):
    """What is known of the log from elsewhere: at least this many entries were once signed."""

    size: int = 0
    keep: int | None = None  # entries from this index on were never acknowledged: cut them


class Opened(Struct, frozen=True):
    """A log that is ready for `commit`."""

    log: Log
    truncated_bytes: int
    checkpoint: Checkpoint | None  # the last one found


def open_log(
    directory: Path,
    origin: str,
    signer: Signer,
    files: Files,
    *,
    known: Known,
    segment_bytes: int = SEGMENT_BYTES,
) -> Opened:
    """Open or make the log in a folder. The caller holds its lock. Raises LogFault and OSError."""
    files.folder(directory)
    reader = LogReader(directory)
    checkpoint = last_checkpoint(reader, origin, signer.public_key_bytes, known.size)
    scans, stray = scan_all(directory)
    torn = sum(found.size - found.end for _, found in scans)
    if known.keep is not None:
        scans, more = _cut(scans, known.keep)
        stray += more
    signed = checkpoint.size if checkpoint else 0
    history = _replay(reader, scans, checkpoint)
    for path in stray:
        path.unlink()
    wal = Wal(files, directory, segment_bytes)
    if scans:
        wal.resume(scans, rewrite_from=signed)
    else:
        wal.start(0)
    payloads = PayloadWriter(files, directory)
    payloads.resume(history.tree.size)
    log = Log(directory, origin, signer, files, wal=wal, payloads=payloads)
    log.adopt(history.tree, history.first, history.unfinished, _open_intents(reader, scans))
    _restore_rows(files, reader, scans)
    return Opened(log, torn, checkpoint)


def last_checkpoint(reader: LogReader, origin: str, key: bytes, at_least: int) -> Checkpoint | None:
    """Rule 1. `at_least`: how many entries were once signed."""
    note = reader.note()
    if note is None:
        if at_least:
            raise LogFault(f"the checkpoint of {origin} is missing")
        return None
    try:
        checkpoint = open_checkpoint(note, origin, key)
    except ValueError as error:
        raise LogFault(f"the checkpoint of {origin} is not good: {error}") from None
    if checkpoint.size < at_least:
        raise LogFault(f"the checkpoint of {origin} is older than one that was known")
    return checkpoint


class _History(Struct, frozen=True):
    """The tree after all entries, and the prefixed entries since the start of the first segment's bundle."""

    tree: TileTree
    first: int
    unfinished: list[bytes]


def _replay(reader: LogReader, scans: Scans, checkpoint: Checkpoint | None) -> _History:
    """Rules 3, 4 and 5."""
    start = scans[0][1].first if scans else 0
    end = scans[-1][1].next if scans else 0
    signed = checkpoint.size if checkpoint else 0
    if not start <= signed <= end:
        raise LogFault(f"entries are missing: {signed} were signed, entries {start} to {end} are there")
    tree = reader.tree(start)
    unfinished = _bundle_before(reader, start)
    entries = [entry for _, found in scans for batch in found.batches for entry in batch.entries]
    leaves = [leaf_hash(entry) for entry in entries]
    tree.extend(leaves[: signed - start])
    if tree.root() != (checkpoint.root if checkpoint else EMPTY_ROOT):
        raise LogFault("history was changed: the entries do not give the root of the last checkpoint")
    unfinished += [prefixed(entry) for entry in entries]
    _compare_published(
        reader, tree, start // WIDTH, unfinished[: signed // WIDTH * WIDTH - start // WIDTH * WIDTH]
    )
    tree.extend(leaves[signed - start :])
    return _History(tree, start // WIDTH * WIDTH, unfinished)


def _bundle_before(reader: LogReader, start: int) -> list[bytes]:
    """The prefixed entries of the bundle in whose middle the first segment starts."""
    if start % WIDTH == 0:
        return []
    entries = reader.bundle(start // WIDTH, start % WIDTH)
    if entries is None:
        raise LogFault(f"entry bundle {bundle_path(start // WIDTH)} is missing")
    return [prefixed(entry) for entry in entries]


def _compare_published(reader: LogReader, tree: TileTree, first: int, entries: list[bytes]) -> None:
    expected = [(tile_path(level, index), data) for level, index, data in tree.full]
    for position in range(len(entries) // WIDTH):
        data = b"".join(entries[position * WIDTH : (position + 1) * WIDTH])
        expected.append((bundle_path(first + position), data))
    for name, data in expected:
        path = reader.directory / name
        if path.is_file() and path.read_bytes() != data:
            raise LogFault(f"history was changed: {name} is not what was published")


def _cut(scans: Scans, keep: int) -> tuple[Scans, list[Path]]:
    """Leave out the batches from index `keep` on, which nobody was told about."""
    kept: Scans = []
    stray = []
    for path, found in scans:
        batches = [batch for batch in found.batches if batch.first < keep]
        if found.first > keep or (found.first == keep and kept):
            stray.append(path)
        else:
            end = batches[-1].end if batches else START.size
            kept.append((path, Scan(found.first, batches, end, found.size, damaged=False)))
    return kept, stray


def _open_intents(reader: LogReader, scans: Scans) -> OpenIntents:
    """The saved set and the entries after it; all entries, if the set cannot be used."""
    start = scans[0][1].first if scans else 0
    end = scans[-1][1].next if scans else 0
    saved = intents.load(reader.directory)
    if saved is None or not start <= saved.size <= end:
        opened = OpenIntents()
        opened.read(reader.entries())
        return opened
    opened = OpenIntents(saved.intents)
    opened.read((index, entry) for index, entry in _held(scans) if index >= saved.size)
    return opened


def _held(scans: Scans) -> Iterator[tuple[int, bytes]]:
    """The entries of the write-ahead segments."""
    for _, found in scans:
        for batch in found.batches:
            yield from enumerate(batch.entries, batch.first)


def _restore_rows(files: Files, reader: LogReader, scans: Scans) -> None:
    """Write the index rows of the write-ahead segments again; all rows if some before them are missing."""
    start = scans[0][1].first if scans else 0
    path = reader.directory / ROWS
    whole = path.stat().st_size >= start * ROW.size
    first = start if whole else 0
    places = _places(reader.directory, first)
    rows = [
        row(DECODER.decode(entry).request, places.get(index, NOWHERE))
        for index, entry in (_held(scans) if whole else reader.entries())
    ]
    fd = files.open(path)
    try:
        files.put(fd, b"".join(rows), first * ROW.size)
        files.truncate(fd, (first + len(rows)) * ROW.size)
    finally:
        os.close(fd)


def _places(directory: Path, first: int) -> dict[int, Place]:
    """Where the payloads of the entries from `first` on lie; reads backwards, segment by segment."""
    places: dict[int, Place] = {}
    for path in reversed(payload_paths(directory)):
        found = list(records(path))
        places |= {record.index: record.place for record in found if record.index >= first}
        if found and found[0].index < first:
            break
    return places
