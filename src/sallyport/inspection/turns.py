"""An instruction that is split over several turns of a user: seen when the last turns are read as one text.

Pure. Of a long turn only its beginning and end are read, so that this costs the same in any conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.model import Finding, Leaf

TURNS = 4
REACH = 400  # characters of the beginning and of the end of a turn
_BETWEEN = " "


class Piece(Struct, frozen=True):
    """[start, start + length) of the reading is [offset, offset + length) of a leaf."""

    leaf: int
    start: int
    offset: int
    length: int


class Reading(Struct, frozen=True):
    """The last turns of a user as one text."""

    text: str
    pieces: tuple[Piece, ...]


def reading(leaves: Sequence[Leaf]) -> Reading | None:
    """The last turns together; None where there are fewer than two."""
    said: list[int] = []
    for index in range(len(leaves) - 1, -1, -1):
        if leaves[index].channel == "user" and leaves[index].text:
            said.append(index)
            if len(said) == TURNS:
                break
    if len(said) < 2:  # noqa: PLR2004 - nothing to put together
        return None
    texts: list[str] = []
    pieces: list[Piece] = []
    length = 0
    for index in reversed(said):
        for offset, text in _read(leaves[index].text):
            pieces.append(Piece(index, length, offset, len(text)))
            texts.append(text)
            length += len(text) + len(_BETWEEN)
    return Reading(_BETWEEN.join(texts), tuple(pieces))


def _read(text: str) -> Iterator[tuple[int, str]]:
    if len(text) <= 2 * REACH:
        yield 0, text
    else:
        yield 0, text[:REACH]
        yield len(text) - REACH, text[-REACH:]


def split(read: Reading, found: Sequence[Finding], known: Sequence[Finding]) -> Iterator[Finding]:
    """Instructions in the reading that no turn holds as clearly by itself, as findings of the turn in which they end.

    `known` are the findings of all leaves.
    """
    turns = {piece.leaf for piece in read.pieces}
    alone: dict[str, float] = {}
    for finding in known:
        if finding.leaf in turns:
            alone[finding.type] = max(alone.get(finding.type, 0.0), finding.score)
    for finding in found:
        if finding.type in INSTRUCTIONS and finding.score > alone.get(finding.type, 0.0):
            last = max((p for p in read.pieces if p.start < finding.end), key=lambda p: p.start)
            start, end = max(finding.start - last.start, 0), min(finding.end - last.start, last.length)
            yield msgspec.structs.replace(
                finding, leaf=last.leaf, start=start + last.offset, end=end + last.offset
            )
