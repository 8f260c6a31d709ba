"""An instruction that is split over several turns of a user, or over the parts of one content.

It is seen when they are read as one text. Pure. Of a long turn only its beginning and end are read, so that this costs
the same in any conversation; of parts what stands on both sides of each seam, so that it costs what they are long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.model import Channel, Finding, Leaf

TURNS = 4
WINDOW = (
    1600  # characters of parts that are read together: no more evidence than a text of that length may gather
)
REACH = 400  # characters of the beginning and of the end of a turn
_BETWEEN = " "
_PARTED: frozenset[Channel] = frozenset({"user", "document", "tool_result"})


class Piece(Struct, frozen=True):
    """[start, start + length) of the reading is [offset, offset + length) of a leaf."""

    leaf: int
    start: int
    offset: int
    length: int


class Reading(Struct, frozen=True):
    """Turns of a user, or parts of a content, as one text."""

    text: str
    pieces: tuple[Piece, ...]
    channel: Channel = "user"


_Part = tuple[int, int, str]  # leaf, offset in it, text


def readings(leaves: Sequence[Leaf]) -> list[Reading]:
    """The last turns together, and the parts of each content around their seams."""
    last = reading(leaves)
    return [*([last] if last else []), *_seams(leaves)]


def reading(leaves: Sequence[Leaf]) -> Reading | None:
    """The last turns together; None where there are fewer than two. The parts of one content are one turn."""
    said: list[int] = []
    turns: set[tuple[str | int, ...]] = set()
    length = 0
    for index in range(len(leaves) - 1, -1, -1):
        leaf = leaves[index]
        if leaf.channel != "user" or not leaf.text:
            continue
        turns.add(_content_of(leaf) or leaf.path)
        length += min(len(leaf.text), 2 * REACH)
        if said and (len(turns) > TURNS or length > 2 * TURNS * REACH):
            break
        said.append(index)
    if len(said) < 2:  # noqa: PLR2004 - nothing to put together
        return None
    return _joined([(i, *piece) for i in reversed(said) for piece in _read(leaves[i].text)], "user")


def _joined(parts: Sequence[_Part], channel: Channel) -> Reading:
    pieces: list[Piece] = []
    length = 0
    for leaf, offset, text in parts:
        pieces.append(Piece(leaf, length, offset, len(text)))
        length += len(text) + len(_BETWEEN)
    return Reading(_BETWEEN.join([text for _, _, text in parts]), tuple(pieces), channel)


def _content_of(leaf: Leaf) -> tuple[str | int, ...] | None:
    """The list that a text is a part of: ("messages", 1, "content") of (..., 0, "text")."""
    path = leaf.path
    return path[:-2] if len(path) > 3 and isinstance(path[-2], int) else None  # noqa: PLR2004 - below a message


def _seams(leaves: Sequence[Leaf]) -> Iterator[Reading]:
    """What stands on both sides of the seams between the parts of a content, in windows that overlap."""
    window: list[_Part] = []
    content: object = None
    length = 0
    for index, leaf in enumerate(leaves):
        own = _content_of(leaf)
        if own is None or leaf.channel not in _PARTED or not leaf.text:
            continue
        if (own, leaf.channel) != content or length >= WINDOW:
            if len(window) > 1:
                yield _joined(window, leaves[window[0][0]].channel)
            window = _end_of(window) if (own, leaf.channel) == content else []
            content, length = (own, leaf.channel), sum(len(text) for _, _, text in window)
        head, *tail = _read(leaf.text)
        window.append((index, *head))
        length += len(head[1])
        if tail:  # it is longer than reaches from one seam to the next
            if len(window) > 1:
                yield _joined(window, leaf.channel)
            window, length = [(index, *tail[0])], len(tail[0][1])
    if len(window) > 1:
        yield _joined(window, leaves[window[0][0]].channel)


def _end_of(window: Sequence[_Part]) -> list[_Part]:
    """The last `REACH` characters of a window."""
    kept: list[_Part] = []
    room = REACH
    for leaf, offset, text in reversed(window):
        if room <= 0:
            break
        start = max(len(text) - room, 0)
        kept.append((leaf, offset + start, text[start:]))
        room -= len(text)
    return kept[::-1]


def _read(text: str) -> Iterator[tuple[int, str]]:
    if len(text) <= 2 * REACH:
        yield 0, text
    else:
        yield 0, text[:REACH]
        yield len(text) - REACH, text[-REACH:]


def over(read: Sequence[Reading], found: Sequence[Finding], known: Sequence[Finding]) -> tuple[Finding, ...]:
    """What readings hold that no leaf holds as clearly by itself, each once. `found` has the index of its reading."""
    more: list[Finding] = []
    for index, reading in enumerate(read):
        mine = [finding for finding in found if finding.leaf == index]
        more += list(split(reading, mine, [*known, *more])) if mine else []
    return tuple(more)


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
