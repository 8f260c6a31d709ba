"""What a detector saw, in bytes of the scanned text, and how overlapping sightings become one."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Span(Struct, frozen=True):
    """A sighting at [start, end)."""

    type: str
    start: int
    end: int
    score: float
    detector: str


def disjoint(spans: Iterable[Span], rank: dict[str, int]) -> list[Span]:
    """Sightings without overlap that cover every character of the given ones.

    Of overlapping sightings the one with the lowest rank wins, then the surest, the longest, then the first; it grows to
    cover the others.
    """
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end, s.type)):
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            continue
        last = merged[-1]
        winner = min(
            (last, span), key=lambda s: (rank.get(s.type, 99), -s.score, s.start - s.end, s.start, s.detector)
        )
        merged[-1] = Span(
            winner.type, last.start, max(last.end, span.end), max(last.score, span.score), winner.detector
        )
    return merged


def byte_to_character(data: bytes, offsets: Iterable[int]) -> dict[int, int]:
    """Character offsets for byte offsets of UTF-8 `data`, in one pass."""
    if data.isascii():
        return {offset: offset for offset in offsets}
    table: dict[int, int] = {}
    characters = done = 0
    for offset in sorted(set(offsets)):
        characters += len(data[done:offset].decode(errors="replace"))
        table[offset] = characters
        done = offset
    return table
