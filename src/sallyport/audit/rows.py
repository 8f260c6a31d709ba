"""The index of a shard: one row per entry, for finding entries by request id and payloads by index.

`index.bin` holds `u32 crc32(request id) || u32 payload segment || u64 payload offset` (little-endian) for each entry.
It proves nothing and can be rebuilt; a hit is confirmed by reading the entry itself.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct as Layout

from msgspec import Struct

ROW = Layout("<IIQ")
NAME = "index.bin"


class Place(Struct, frozen=True):
    """Where a payload's record begins."""

    segment: int
    offset: int


NOWHERE = Place(0xFFFFFFFF, 0)


def row(request: str, place: Place = NOWHERE) -> bytes:
    """The row of one entry; an entry without a request has the crc of the empty string, zero."""
    return ROW.pack(zlib.crc32(request.encode()), place.segment, place.offset)


def read_place(directory: Path, index: int) -> Place:
    """Where the payload of an entry lies, `NOWHERE` if it has none or there is no such row."""
    try:
        with (directory / NAME).open("rb") as file:
            data = os.pread(file.fileno(), ROW.size, index * ROW.size)
    except FileNotFoundError:
        return NOWHERE
    if len(data) < ROW.size:
        return NOWHERE
    _, segment, offset = ROW.unpack(data)
    return Place(segment, offset)


def candidates(directory: Path, request: str) -> Iterator[int]:
    """Indexes of the entries whose row could belong to this request id, ascending."""
    path = directory / NAME
    if not path.is_file() or path.stat().st_size < ROW.size:
        return
    pattern = zlib.crc32(request.encode()).to_bytes(4, "little")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(pattern)
        while at >= 0:
            if at % ROW.size == 0:
                yield at // ROW.size
            at = data.find(pattern, at + 1)
