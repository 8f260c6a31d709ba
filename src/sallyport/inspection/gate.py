"""One pass over the bytes that says which detectors may have something to find.

Literals and simple tokens only, each reported at most once, so that a flood of matches costs nothing more
than the pass itself. Hyperscan's scratch space is not shared between threads: one `Gate` per thread.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import hyperscan

_LONG_WORD = 5


class GateBuilder:
    """Collects expressions; equal ones share a bit.

    Compiling takes more than a second, so a gate that is among the `compiled` ones is not compiled again.
    """

    def __init__(self, compiled: Mapping[bytes, bytes] | None = None) -> None:
        self._bits: dict[tuple[bytes, bool], int] = {}
        self._compiled = compiled or {}

    def expression(self, expression: bytes, *, caseless: bool = True) -> int:
        """The bit (1 << n) of a Hyperscan expression."""
        key = (expression, caseless)
        return 1 << self._bits.setdefault(key, len(self._bits))

    def any_of(self, expressions: Iterable[str]) -> int:
        """The bits of several expressions, together; `(?-i)` in front makes one heed case."""
        bits = 0
        for expression in expressions:
            bits |= self.expression(
                expression.removeprefix("(?-i)").encode(), caseless=not expression.startswith("(?-i)")
            )
        return bits

    def word(self, word: str, *, open_end: bool = False) -> int:
        """The bit of a word. Longer words are looked for as literals, also inside others: that is cheaper."""
        if len(word) >= _LONG_WORD:
            return self.literal(word)
        return self.expression(rf"\b{word}".encode() + (b"" if open_end else rb"\b"))

    def literal(self, literal: str, *, caseless: bool = True) -> int:
        """The bit of a literal."""
        return self.expression(re.escape(literal.encode()), caseless=caseless)

    def literals(self, literals: tuple[str, ...], *, caseless: bool = True) -> int:
        """The bits of several literals, together."""
        bits = 0
        for literal in literals:
            bits |= self.literal(literal, caseless=caseless)
        return bits

    def build(self) -> Gate:
        """The compiled gate."""
        return Gate(list(self._bits), compiled=self._compiled)

    def part(self, bits: int, looser: Callable[[bytes], bytes]) -> Gate:
        """A gate of some of the expressions, which keep their bits, each in a form that may match more."""
        chosen = {
            number: (looser(expression), caseless)
            for number, (expression, caseless) in enumerate(self._bits)
            if bits >> number & 1
        }
        return Gate(list(chosen.values()), list(chosen), self._compiled)


def _on_match(number: int, _start: int, _end: int, _flags: int, hits: Any) -> None:
    hits.append(number)


class Gate:
    """A compiled set of expressions. Each has the bit of its place, or of its number where there are `numbers`.

    `compiled` holds gates that were compiled before, by their `digest`.
    """

    def __init__(
        self,
        expressions: list[tuple[bytes, bool]],
        numbers: Sequence[int] = (),
        compiled: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self._places = tuple(numbers or range(len(expressions)))
        self._bits = [1 << place for place in self._places]
        self._in_order = not numbers
        self.everything = sum(self._bits)
        self.digest = hashlib.sha256(repr(expressions).encode()).digest()
        known = (compiled or {}).get(self.digest)
        self._database = (known and _loaded(known)) or _compiled(expressions)

    def dump(self) -> bytes:
        """The compiled form, for processors of this kind."""
        return bytes(hyperscan.dumpb(self._database))

    def touches(self, data: bytes) -> bool:
        """Whether any expression occurs in `data`."""
        hits: list[int] = []
        self._database.scan(data, match_event_handler=_on_match, context=hits)
        return bool(hits)

    def found(self, data: bytes) -> tuple[int, list[int]]:
        """The bits of all expressions that occur in `data`: together, and the places (n of 1 << n) one by one."""
        hits: list[int] = []
        self._database.scan(data, match_event_handler=_on_match, context=hits)
        bits = reduce(or_, [self._bits[number] for number in hits], 0)
        return bits, hits if self._in_order else [self._places[number] for number in hits]

    def scan(self, data: bytes) -> int:
        """The same bits, together."""
        return self.found(data)[0]


def _compiled(expressions: list[tuple[bytes, bool]]) -> hyperscan.Database:
    single = hyperscan.HS_FLAG_SINGLEMATCH
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression for expression, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[single | (hyperscan.HS_FLAG_CASELESS if caseless else 0) for _, caseless in expressions],
    )
    return database


def _loaded(dump: bytes) -> hyperscan.Database | None:
    """The gate of a dump; None if another version of Hyperscan made it, or one on another kind of processor."""
    try:
        database = hyperscan.loadb(dump, hyperscan.HS_MODE_BLOCK)
    except hyperscan.HyperscanError:
        return None
    database.scratch = hyperscan.Scratch(database)
    return database
