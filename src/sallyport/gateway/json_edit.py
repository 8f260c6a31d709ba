"""Edit the bytes of a JSON text only where a value changes; everything else stays as it was written.

Key order, number spelling, escapes and white space of the untouched parts survive, because they are never
decoded and encoded again. The text must have passed `strict_json.parse` before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sallyport.gateway.strict_json import Path

_TOKEN = re.compile(rb'[\s,:]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([\[\]{}])|([^\s,:\[\]{}"]+))', re.DOTALL)
_CLOSERS = {b"{": b"}", b"[": b"]"}


def replace(raw: bytes, edits: Mapping[Path, Any]) -> bytes:
    """Replace the values at the given paths. Raises KeyError if a path is not there."""
    if not edits:
        return raw
    wanted = dict(edits)
    pieces: list[bytes] = []
    last = 0
    for path, start, end in _spans(raw, wanted):
        pieces += [raw[last:start], orjson.dumps(wanted.pop(path))]
        last = end
    if wanted:
        raise KeyError(next(iter(wanted)))
    return b"".join([*pieces, raw[last:]])


def add_members(raw: bytes, members: Mapping[str, Any]) -> bytes:
    """Put members at the front of the top-level object. They must not be there yet."""
    if not members:
        return raw
    brace = raw.index(b"{")
    inner = orjson.dumps(dict(members))[1:-1]
    rest = raw[brace + 1 :]
    comma = b"" if rest.lstrip()[:1] == b"}" else b","
    return raw[: brace + 1] + inner + comma + rest


class _Cursor:
    """Where we are: the open containers, and the path of the next value."""

    def __init__(self) -> None:
        self.stack: list[list[Any]] = []  # [kind, key or index, expecting a member name]

    def path(self) -> Path:
        return tuple(frame[1] for frame in self.stack)

    def done(self) -> None:
        """A value has ended; move to the next place."""
        if self.stack:
            frame = self.stack[-1]
            if frame[0] == b"[":
                frame[1] += 1
            else:
                frame[2] = True


def _spans(raw: bytes, wanted: Mapping[Path, Any]) -> list[tuple[Path, int, int]]:
    """Byte spans of the wanted values, in order. A wanted container is replaced whole."""
    found: list[tuple[Path, int, int]] = []
    cursor = _Cursor()
    inside: tuple[Path, int, int] | None = None  # a wanted container: path, start, stack height
    # White space at the end is no token, and the search for one in it would be quadratic.
    for match in _TOKEN.finditer(raw, 0, len(raw.rstrip())):
        if len(found) == len(wanted):
            break
        string, bracket, _scalar = match.groups()
        if bracket in _CLOSERS:
            if inside is None and cursor.path() in wanted:
                inside = (cursor.path(), match.start(2), len(cursor.stack))
            cursor.stack.append([bracket, 0 if bracket == b"[" else None, bracket == b"{"])
        elif bracket:
            cursor.stack.pop()
            if inside is not None and inside[2] == len(cursor.stack):
                found.append((inside[0], inside[1], match.end()))
                inside = None
            cursor.done()
        elif string and cursor.stack and cursor.stack[-1][2]:
            cursor.stack[-1][1:] = [orjson.loads(string), False]
        else:
            if inside is None and cursor.path() in wanted:
                found.append((cursor.path(), match.start(match.lastindex or 0), match.end()))
            cursor.done()
    return found
