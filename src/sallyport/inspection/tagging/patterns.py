"""Expressions of a tenant's own, on google-re2: linear time whatever they say.

With context words a match counts only with one of them nearby. The first group, where there is one, is what is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import re2
from msgspec import Struct

from sallyport.inspection.spans import Span

_NEAR = 60  # bytes on either side in which a context word counts
_MEMORY = 8_388_608  # bytes for one compiled expression


class Pattern(Struct, frozen=True, kw_only=True):
    """An expression whose matches become findings of `type`."""

    type: str
    expression: str
    context: tuple[str, ...] = ()


class Patterns:
    """Compiled patterns. Raises `ValueError` (see `problem`) for one that cannot be compiled."""

    def __init__(self, patterns: Sequence[Pattern] = ()) -> None:
        self._compiled = [(p.type, _compiled(p.expression), _context(p.context)) for p in patterns]

    def scan(self, data: bytes) -> Iterator[Span]:
        """Spans of matches, in bytes."""
        for kind, expression, context in self._compiled:
            group = 1 if expression.groups else 0
            for match in expression.finditer(data):
                start, end = match.span(group)
                if start < end and (context is None or _is_near(context, data, *match.span())):
                    yield Span(kind, start, end, 1.0, "pattern")


def problem(pattern: Pattern) -> str:
    """What is wrong with a pattern; "" if nothing is."""
    try:
        expression = _compiled(pattern.expression)
    except ValueError as error:
        return str(error)
    if expression.search(b"") is not None:
        return "it matches the empty text"
    return "a context word is empty" if not all(word.strip() for word in pattern.context) else ""


def _compiled(expression: str) -> re2._Regexp[bytes]:
    options = re2.Options()
    options.max_mem, options.log_errors = _MEMORY, False
    try:
        return re2.compile(expression.encode(), options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not an expression of RE2"
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def _context(words: Sequence[str]) -> re2._Regexp[bytes] | None:
    if not words:
        return None
    return re2.compile(rf"(?i)(?:\b|_)(?:{'|'.join(re.escape(word) for word in words)})(?:\b|_)".encode())


def _is_near(context: re2._Regexp[bytes], data: bytes, start: int, end: int) -> bool:
    return context.search(data[max(start - _NEAR, 0) : end + _NEAR]) is not None
