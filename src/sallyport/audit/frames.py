r"""The write-ahead segment's format, and what a scan of one finds. Pure.

    segment  = "SALLYPORT-WAL-1\n" || u64 first index || batch* || zero*   (integers little-endian)
    batch    = header || body
    header   = "SPB1" || u32 bytes of body || u32 count || u64 first index || u32 crc32(body) || u32 crc32(before)
    body     = (u16 big-endian length || entry)*      the very bytes of an entry bundle

A batch is one write, so what a crash can tear is the last batch, and nobody was told about that one.
A bad batch with a good one behind it is therefore damage, not a torn tail.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from struct import Struct as Layout

from msgspec import Struct

from sallyport.audit.tiles import split_bundle

MAGIC = b"SALLYPORT-WAL-1\n"
START = Layout("<16sQ")
BATCH = b"SPB1"
HEADER = Layout("<4sIIQI")
CHECK = Layout("<I")
HEADER_BYTES = HEADER.size + CHECK.size


class Batch(Struct, frozen=True):
    """One whole batch and where it lies."""

    offset: int
    end: int
    first: int
    entries: list[bytes]


class Scan(Struct, frozen=True):
    """A segment as it was found. `end` is where the last whole batch ends, `size` where the zeros behind begin."""

    first: int
    batches: list[Batch]
    end: int
    size: int
    damaged: bool  # a whole batch lies behind a bad one

    @property
    def next(self) -> int:
        """The index after the last entry."""
        return self.batches[-1].first + len(self.batches[-1].entries) if self.batches else self.first


def segment_start(first: int) -> bytes:
    """The first bytes of a segment."""
    return START.pack(MAGIC, first)


def frame(first: int, prefixed: Sequence[bytes]) -> bytes:
    """A batch of length-prefixed entries as it is written."""
    body = b"".join(prefixed)
    header = HEADER.pack(BATCH, len(body), len(prefixed), first, zlib.crc32(body))
    return b"".join((header, CHECK.pack(zlib.crc32(header)), body))


def scan(data: bytes) -> Scan | None:
    """What a segment holds; None if even its start is not whole (it was being made)."""
    if len(data) < START.size:
        return None
    magic, first = START.unpack_from(data)
    if magic != MAGIC:
        return None
    batches: list[Batch] = []
    offset, expected = START.size, first
    while (batch := read_batch(data, offset, expected)) is not None:
        batches.append(batch)
        offset, expected = batch.end, batch.first + len(batch.entries)
    size = offset + len(data[offset:].rstrip(b"\0"))
    return Scan(first, batches, offset, size, _good_batch_from(data, offset))


def read_batch(data: bytes, offset: int, expected: int | None) -> Batch | None:
    """The batch at an offset, or None if it is not whole or not the expected next one."""
    if offset + HEADER_BYTES > len(data):
        return None
    magic, length, count, first, crc = HEADER.unpack_from(data, offset)
    (check,) = CHECK.unpack_from(data, offset + HEADER.size)
    start = offset + HEADER_BYTES
    end = start + length
    if magic != BATCH or end > len(data) or check != zlib.crc32(data[offset : offset + HEADER.size]):
        return None
    body = data[start:end]
    if zlib.crc32(body) != crc or expected not in (None, first):
        return None
    entries = split_bundle(body)
    return Batch(offset, end, first, entries) if len(entries) == count else None


def _good_batch_from(data: bytes, offset: int) -> bool:
    while (offset := data.find(BATCH, offset)) >= 0:
        if read_batch(data, offset, None) is not None:
            return True
        offset += 1
    return False
