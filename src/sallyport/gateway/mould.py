"""Events that differ from an earlier one in the text of one delta alone: known by their bytes, not parsed again.

A mould is cut from an event that was parsed, inspected, and found to hold one text delta and nothing else that is
guarded: its bytes before and after the one literal of that text. An event with the same bytes around another
literal is the same document but for that text, so nothing else in it is new.
"""

from __future__ import annotations

import orjson
from msgspec import Struct

from sallyport.gateway.dialects.base import Chunk


class Mould(Struct, frozen=True, kw_only=True):
    """The bytes around the text of `chunk`, which has one piece."""

    before: bytes
    after: bytes
    chunk: Chunk

    def text(self, raw: bytes) -> str | None:
        """The text of an event of this shape; None for any other, and for one without text."""
        if not (raw.startswith(self.before) and raw.endswith(self.after)):
            return None
        literal = raw[len(self.before) : len(raw) - len(self.after)]
        if literal[:1] != b'"' or literal[-1:] != b'"':
            return None
        try:
            text = orjson.loads(literal)
        except ValueError:
            return None
        return text if isinstance(text, str) and text else None

    def filled(self, text: str) -> bytes:
        """The event with this text."""
        return self.before + orjson.dumps(text) + self.after
