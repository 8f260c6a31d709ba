"""How much there is to read in a JSON text, before anybody reads it. Pure.

What a body costs to read and to judge grows with its values and members, not with its bytes: a megabyte of prose
is one value, a megabyte of empty lists is half a million.
"""

from __future__ import annotations

import re

AT_ONCE = 1000  # values up to which a body is read in the moment that it comes: a few milliseconds
_LITTLE = 4096  # bytes that cannot hold more
_LARGE = 131_072  # bytes beyond which even one long text is not read at once
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def is_quick(raw: bytes) -> bool:
    """Whether a text is surely read at once; text in strings may make it look like more."""
    return len(raw) <= _LITTLE or (len(raw) <= _LARGE and _signs(raw) <= AT_ONCE)


def has_more(raw: bytes, limit: int) -> bool:
    """Whether a text has more than `limit` values and members. Of one that is no JSON it may say either."""
    return len(raw) > limit and _signs(raw) > limit and _counted(raw, limit) > limit


def _signs(raw: bytes) -> int:
    """At least one sign stands for each value but the first."""
    return raw.count(b",") + raw.count(b":") + raw.count(b"[") + raw.count(b"{")


def _counted(raw: bytes, limit: int) -> int:
    """The signs outside strings; counting ends beyond the limit. Other threads get their turn between two strings."""
    count = last = 0
    for string in _STRING.finditer(raw):
        start = string.start()
        if start > last:
            count += _signs(raw[last:start])
            if count > limit:
                return count
        last = string.end()
    return count + _signs(raw[last:])
