"""Events that differ from an earlier one in the text of one delta alone: known by their bytes, not parsed again.

A mould is cut from an event that was parsed, inspected, and found to hold one text delta and nothing else that is
guarded: its bytes before and after the one literal of that text. An event with the same bytes around another
literal is the same document but for that text, so nothing else in it is new.
"""

from __future__ import annotations

import orjson

from sallyport.gateway.dialects.base import Chunk


class Mould:
    """The bytes around the text of `chunk`, which has one piece. The quotes of the text's literal are part of them."""

    __slots__ = ("_after", "_before", "_end", "_start", "chunk", "place")

    def __init__(self, *, before: bytes, after: bytes, chunk: Chunk) -> None:
        self._before, self._after, self.chunk = before, after, chunk
        self._start, self._end = len(before) - 1, 1 - len(after)
        self.place = (chunk.pieces[0].choice, chunk.pieces[0].field)

    def text(self, raw: bytes) -> str | None:
        """The text of an event of this shape; None for any other, and for one without text."""
        if not (raw.startswith(self._before) and raw.endswith(self._after)):
            return None
        try:
            return orjson.loads(raw[self._start : self._end]) or None
        except ValueError:
            return None

    def filled(self, text: str) -> bytes:
        """The event with this text."""
        return b"%b%b%b" % (self._before[:-1], orjson.dumps(text), self._after[1:])
