"""What the deltas of a streamed chat answer hold, taken apart by who guards it. Pure.

Text that is known as such goes through the hold-back. Tool calls, and every member that nobody knows, are held
until their choice has ended: a value that is split over deltas is seen only when they are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sallyport.gateway.dialects.base import Member, Piece, ToolPiece

TEXT_FIELDS = ("content", "refusal", "reasoning_content", "reasoning", "thinking")
MOST_CHOICES = 128
_TEXTS = frozenset(TEXT_FIELDS)
_ROLES = frozenset(["assistant", "developer", "function", "system", "tool", "user"])


def literals(*fields: str) -> re.Pattern[bytes]:
    """What finds the literals of these members, where they are not empty."""
    names = b"|".join(field.encode() for field in fields)
    return re.compile(rb'("(?:' + names + rb')"\s*:\s*)("(?:[^"\\]|\\.)[^"\\]*(?:\\.[^"\\]*)*")')


_LITERAL = literals(*TEXT_FIELDS)


def index_of(choice: Any) -> int:
    """The index of a choice. Raises ValueError where it is none, or the choice is not an object."""
    if not isinstance(choice, dict) or not isinstance(choice.get("delta") or {}, dict):
        raise ValueError("a choice is not an object")
    if choice.get("logprobs"):
        raise ValueError("log probabilities spell out the text that is held back")
    index = choice.get("index", 0)
    if type(index) is not int or not 0 <= index < MOST_CHOICES:
        raise ValueError("a choice has no usable index")
    return index


class Guarded:
    """What must be guarded in the deltas of one event."""

    __slots__ = ("members", "pieces", "tools")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.tools: list[ToolPiece] = []
        self.members: list[Member] = []

    def add(self, index: int, delta: Mapping[str, Any]) -> None:
        """The members of one delta. Raises ValueError where one cannot be guarded."""
        for name, value in delta.items():
            if name in _TEXTS:
                if value:
                    if not isinstance(value, str):
                        raise ValueError("a text delta is not a string")
                    self.pieces.append(Piece(choice=index, field=name, text=value))
            elif name == "tool_calls":
                self.tools += _tool_pieces(index, value)
            elif name == "function_call":
                if value is not None:
                    raise ValueError("the old function_call form is not streamed through")
            elif not is_plain(name, value):
                self.members.append(Member(choice=index, name=name, value=value))


def is_plain(name: str, value: Any) -> bool:
    """Whether a member of a delta may pass as it comes: a role, a number, null."""
    return not isinstance(value, str | list | dict) or (name == "role" and value in _ROLES)


def bare(delta: Mapping[str, Any]) -> dict[str, Any]:
    """A delta with its plain members alone."""
    return {name: value for name, value in delta.items() if name not in _TEXTS and is_plain(name, value)}


def literal(raw: bytes, of: re.Pattern[bytes] = _LITERAL) -> re.Match[bytes] | None:
    """The one literal of the text in an event's bytes, if there can be no doubt which one it is.

    A second one, or a member name that is written with escapes, might be what a reader takes for the text.
    """
    found = list(of.finditer(raw))
    if len(found) != 1 or b"\\" in raw[: found[0].start(2)] or b"\\" in raw[found[0].end(2) :]:
        return None
    return found[0]


def envelope(raw: bytes, pieces: int, of: re.Pattern[bytes] = _LITERAL) -> bytes | None:
    """An event's bytes without its texts; None where it is in doubt which bytes those are (see `literal`)."""
    rest, count = of.subn(rb"\1", raw)
    return rest if count == pieces and b"\\" not in rest else None


def _tool_pieces(index: int, calls: Any) -> Iterator[ToolPiece]:
    for position, call in enumerate(calls or ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise ValueError("a tool call is not an object")
        at = call.get("index", position)
        texts = [call.get("id") or "", function.get("name") or "", function.get("arguments") or ""]
        if type(at) is not int or not all(isinstance(text, str) for text in texts):
            raise ValueError("a tool call has a wrong member")
        yield ToolPiece(choice=index, index=at, id=texts[0], name=texts[1], arguments=texts[2])
