"""The write-ahead segments of one log: where an entry becomes durable.

A segment is named by the index of its first entry. It is dropped when all its entries lie in full,
synced entry bundles under a signed checkpoint, so an entry is stored once in the long run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from sallyport.audit.files import Files, Tail
from sallyport.audit.frames import START, Scan, frame, scan, segment_start
from sallyport.errors import LogFault

SEGMENT_BYTES = 16 * 1024 * 1024


class Held(Struct):
    """A finished segment that still waits for its entries to be published."""

    path: Path
    next: int  # the index after its last entry


def segment_paths(directory: Path) -> list[Path]:
    """The segments of a log in order of their first index."""
    return sorted((directory / "wal").glob("*.wal"))


def segment_path(directory: Path, first: int) -> Path:
    """Where the segment that starts at this index lies."""
    return directory / "wal" / f"{first:020d}.wal"


def scan_segment(path: Path) -> Scan | None:
    """Read and check one segment."""
    return scan(path.read_bytes())


class Wal:
    """The appender. Not safe for use by more than one thread, except `drop`."""

    def __init__(self, files: Files, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._files, self._directory, self._segment_bytes = files, directory, segment_bytes
        self._held: list[Held] = []
        self._path = Path()
        self._tail = Tail(files, -1, 0)

    def start(self, first: int) -> None:
        """Begin a new segment whose first entry will have this index."""
        self.trim()
        self.close()
        self._path = segment_path(self._directory, first)
        self._files.folder(self._path.parent)
        fd = self._files.open(self._path)
        self._tail = Tail(self._files, fd, START.size)
        self._files.truncate(fd, 0)
        self._files.append(fd, segment_start(first), 0)
        self._files.sync_folder(self._path.parent)

    def resume(self, scans: Sequence[tuple[Path, Scan]], rewrite_from: int) -> None:
        """Continue after the last whole batch, cut what is torn, and write the unpublished tail again.

        The tail (entries from index `rewrite_from`) is written once more because a failed sync leaves pages that
        look clean and were never on the disk; only a new write makes them dirty.
        """
        self._held = [Held(path, found.next) for path, found in scans[:-1]]
        self._path, found = scans[-1]
        fd = self._files.open(self._path)
        self._tail = Tail(self._files, fd, found.end)
        if os.fstat(fd).st_size > found.end:
            self._files.truncate(fd, found.end)
        for batch in found.batches:
            if batch.first + len(batch.entries) > rewrite_from:
                data = os.pread(fd, batch.end - batch.offset, batch.offset)
                self._files.append(fd, data, batch.offset)
        self._files.sync(fd)

    def append(self, first: int, prefixed: Sequence[bytes]) -> None:
        """Make a batch durable. Raises OSError; then nothing may be appended any more."""
        if self._tail.offset >= self._segment_bytes:
            held = Held(self._path, first)
            self.start(first)
            self._held.append(held)
        self._tail.append(frame(first, prefixed))

    def droppable(self, published: int) -> list[Path]:
        """Segments whose entries all lie below this index."""
        return [held.path for held in self._held if held.next <= published]

    def drop(self, paths: Sequence[Path]) -> None:
        """Remove segments."""
        for path in paths:
            path.unlink()
        self._held = [held for held in self._held if held.path not in paths]

    def trim(self) -> None:
        """Cut what was written ahead."""
        self._tail.trim()

    def close(self) -> None:
        """Close the file."""
        self._tail.close()


def scan_all(directory: Path) -> tuple[list[tuple[Path, Scan]], list[Path]]:
    """All segments, checked to follow each other. Raises LogFault naming the segment that is damaged.

    A last segment that does not even have its start was being made when the process died; it is returned apart.
    """
    paths = segment_paths(directory)
    scans: list[tuple[Path, Scan]] = []
    for path in paths:
        found = scan_segment(path)
        last = path == paths[-1]
        if found is None and last:
            return scans, [path]
        if found is None or found.damaged or (found.end != found.size and not last):
            raise LogFault(f"the write-ahead segment {path.name} is damaged")
        if found.first != int(path.stem) or (scans and scans[-1][1].next != found.first):
            raise LogFault(f"the write-ahead segment {path.name} does not follow the one before it")
        scans.append((path, found))
    return scans, []
