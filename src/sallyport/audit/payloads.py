"""The sealed payloads of a shard, beside its log: what the log refers to by `payload_sha256`.

Append-only segments `payload/000000.seg`; a record is `u64 index || u32 length || u32 crc32 || bytes`
(little-endian), in the order of the index. Erasing writes zeros over the bytes and sets the top bit of the
length, so that the log, which only knows the digest, stays provable. Zeros may follow the last record of a segment.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct as Layout

from msgspec import Struct

from sallyport.audit.files import Files, Tail
from sallyport.audit.rows import NOWHERE, Place, read_place
from sallyport.errors import Fault, LogFault

RECORD = Layout("<QII")
AHEAD = bytes(RECORD.size)  # no record: the entry of index 0, which says what the shard is, has no payload
ERASED = 1 << 31
SEGMENT_BYTES = 64 * 1024 * 1024
CHUNK = 1024 * 1024


class Found(Struct, frozen=True):
    """A record's header and place."""

    index: int
    place: Place
    length: int
    crc: int
    erased: bool

    @property
    def end(self) -> int:
        """The offset after the record."""
        return self.place.offset + RECORD.size + self.length


class PayloadWriter:
    """Appends payloads; one write and one sync for a batch."""

    def __init__(self, files: Files, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._files, self._folder, self._segment_bytes = files, directory / "payload", segment_bytes
        self._number, self._tail = 0, Tail(files, -1, 0)

    def resume(self, size: int) -> None:
        """Continue after the last record of an entry below `size`; cut what is behind it."""
        paths = payload_paths(self._folder.parent)
        if not paths:
            return
        self._number = int(paths[-1].stem)
        end = 0
        for found in records(paths[-1]):
            if found.index >= size:
                break
            end = found.end
        self._open(end)
        if os.fstat(self._tail.fd).st_size > end:
            self._files.truncate(self._tail.fd, end)

    def append(self, payloads: Sequence[tuple[int, bytes]]) -> list[Place]:
        """Make the payloads of these indexes durable. Raises OSError."""
        if self._tail.fd < 0 or self._tail.offset >= self._segment_bytes:
            self._rotate()
        parts: list[bytes] = []
        places, offset = [], self._tail.offset
        for index, payload in payloads:
            parts += (RECORD.pack(index, len(payload), zlib.crc32(payload)), payload)
            places.append(Place(self._number, offset))
            offset += RECORD.size + len(payload)
        self._tail.append(b"".join(parts))
        return places

    def trim(self) -> None:
        """Cut what was written ahead."""
        self._tail.trim()

    def close(self) -> None:
        """Close the file."""
        self._tail.close()

    def _rotate(self) -> None:
        if self._tail.fd >= 0:
            self.trim()
            self.close()
            self._number += 1
        self._open(0)
        self._files.sync_folder(self._folder)

    def _open(self, offset: int) -> None:
        self._files.folder(self._folder)
        fd = self._files.open(self._folder / f"{self._number:06d}.seg")
        self._tail = Tail(self._files, fd, offset)


class PayloadStore:
    """Reads and erases the payloads of all shards of a log directory."""

    def __init__(self, directory: Path, files: Files | None = None) -> None:
        self._directory, self._files = directory, files or Files()

    def read(self, shard: str, index: int) -> bytes:
        """The sealed bytes that were recorded with an entry.

        Raises Fault `record_unknown` if there are none or they were erased, LogFault if they are damaged.
        """
        fd, found = self._open(shard, index)
        try:
            data = os.pread(fd, found.length, found.place.offset + RECORD.size)
        finally:
            os.close(fd)
        if found.erased:
            raise Fault(f"the payload of {shard}/{index} was erased", code="record_unknown")
        if zlib.crc32(data) != found.crc:
            raise LogFault(f"the payload of {shard}/{index} is damaged")
        return data

    def erase(self, shard: str, index: int) -> None:
        """Overwrite a payload for good. The entry `entry.erasure(...)` must be in the log before."""
        fd, found = self._open(shard, index)
        try:
            for start in range(0, found.length, CHUNK):
                zeros = bytes(min(CHUNK, found.length - start))
                self._files.put(fd, zeros, found.place.offset + RECORD.size + start)
            self._files.put(fd, RECORD.pack(index, found.length | ERASED, 0), found.place.offset)
            self._files.sync(fd)
        finally:
            os.close(fd)

    def _open(self, shard: str, index: int) -> tuple[int, Found]:
        directory = self._directory / "shards" / shard
        place = read_place(directory, index) if index >= 0 and shard and "/" not in shard else NOWHERE
        path = directory / "payload" / f"{place.segment:06d}.seg"
        if place == NOWHERE or not path.is_file():
            raise Fault(f"there is no payload of {shard}/{index}", code="record_unknown")
        fd = self._files.open(path)
        header = os.pread(fd, RECORD.size, place.offset)
        found = parse_record(header, place) if len(header) == RECORD.size else None
        if found is None or found.index != index:
            os.close(fd)
            raise LogFault(f"the payload index of shard {shard} is damaged")
        return fd, found


def payload_paths(directory: Path) -> list[Path]:
    """The payload segments of a shard."""
    return sorted((directory / "payload").glob("*.seg"))


def parse_record(header: bytes, place: Place) -> Found:
    """The header of a record."""
    index, length, crc = RECORD.unpack(header)
    return Found(index, place, length & ~ERASED, crc, bool(length & ERASED))


def records(path: Path) -> Iterator[Found]:
    """The whole records of a segment, in order; a torn last one, and what was written ahead, is left out."""
    number, offset = int(path.stem), 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while offset + RECORD.size <= size:
            header = os.pread(file.fileno(), RECORD.size, offset)
            found = parse_record(header, Place(number, offset))
            if header == AHEAD or found.end > size:
                return
            yield found
            offset = found.end
