"""Runs of digits with light separators, and what may be in them: cards, social security and other numbers.

A run is read group by group, so that a card in front of another number is seen. The sizes of its groups are
a string of letters (a = 1 digit, d = 4), so that shapes are found by comparing text; work per group is constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sallyport.inspection.checks import luhn

_GROUP = re.compile(rb"[0-9]+")
_NOT_DIGITS = bytes(c for c in range(256) if not 48 <= c <= 57)  # noqa: PLR2004 - ASCII digits
_LETTERS = "?abcdefghijklmnopqrstuvwxyz"
_CARD_SHAPES = {
    "a": ("a" * 16, "a" * 15),
    "b": ("b" * 8, "bbbbbbba"),
    "c": ("ccccca", "ccccc"),
    "d": ("ddddc", "dddd", "dfe", "dfd", "ddda"),
    "e": ("eeea", "eee"),
    "f": ("fj", "fm"),
    "h": ("hh",),
    **{letter: (letter,) for letter in "mnopqrs"},
}
_ANY_CARD = range(12, 20)
_SSN_SHAPE, _SSN_BARE = "cbd", "i"
_LONG = (16, 17, 18, 19)
_ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4000, 4999, (13, 16, 18, 19)),  # Visa
    (5100, 5599, (16,)),  # Mastercard
    (2221, 2720, (16,)),
    (2200, 2204, _LONG),  # Mir
    (3400, 3499, (15,)),  # American Express
    (3700, 3799, (15,)),
    (3000, 3059, (14, 16, 19)),  # Diners Club
    (3600, 3699, (14, 16, 19)),
    (3800, 3999, (14, 16, 19)),
    (3528, 3589, _LONG),  # JCB
    (1800, 1800, (15,)),
    (2131, 2131, (15,)),
    (6011, 6011, _LONG),  # Discover
    (6440, 6599, _LONG),
    (6000, 6099, (16,)),  # RuPay, Hipercard
    (8100, 8299, (16, 19)),
    (6200, 6299, _LONG),  # UnionPay
    (5018, 5020, (13, 14, 15, *_LONG)),  # Maestro
    (5038, 5038, (13, 14, 15, *_LONG)),
    (5041, 5099, (16,)),  # Elo
    (5600, 5899, (16,)),
    (5893, 5893, (13, 14, 15, *_LONG)),
    (6304, 6304, (13, 14, 15, *_LONG)),
    (6363, 6390, (16, 18, 19)),
    (6759, 6763, (13, 14, 15, *_LONG)),
)
_LENGTHS: dict[bytes, set[int]] = {}
for _low, _high, _lengths in _ISSUERS:
    for _prefix in range(_low, _high + 1):
        _LENGTHS.setdefault(str(_prefix).encode(), set()).update(_lengths)


class Run:
    """A run at [start, end) of `text`: its groups, their shape, and all its digits together."""

    __slots__ = ("_first_digit", "digits", "groups", "shape", "text")

    def __init__(self, text: bytes, start: int, end: int) -> None:
        self.text = text
        self.groups = [match.span() for match in _GROUP.finditer(text, start, end)]
        self.digits = text[start:end].translate(None, _NOT_DIGITS)
        self.shape = "".join([_LETTERS[e - s] if e - s <= 26 else "z" for s, e in self.groups])  # noqa: PLR2004 - letters
        self._first_digit = [0]
        for s, e in self.groups:
            self._first_digit.append(self._first_digit[-1] + e - s)

    def number(self, first: int, count: int) -> bytes:
        """The digits of `count` groups from `first` on, together."""
        return self.digits[self._first_digit[first] : self._first_digit[first + count]]

    def span(self, first: int, count: int) -> tuple[int, int]:
        """Where those groups are in the text."""
        return self.groups[first][0], self.groups[first + count - 1][1]

    def uniform(self, first: int, count: int) -> bool:
        """Whether the same separator stands between all of those groups."""
        between = {self.text[a[1] : b[0]] for a, b in pairwise(self.groups[first : first + count])}
        return len(between) <= 1


def issuer(digits: bytes) -> bool:
    """Whether a card number of this length may begin so (ISO/IEC 7812 issuer ranges in use)."""
    lengths = _LENGTHS.get(digits[:4])
    return lengths is not None and len(digits) in lengths


def cards(run: Run, *, context: bool) -> Iterator[tuple[int, int]]:
    """Spans of payment card numbers in a run, left to right. With context any issuer, and 12 digits, will do."""
    first, count = 0, len(run.groups)
    while first < count:
        size = _card_at(run, first, context=context)
        if size:
            yield run.span(first, size)
        first += size or 1


def _card_at(run: Run, first: int, *, context: bool) -> int:
    """How many groups from `first` on form a card number; 0 if none do."""
    for shape in _CARD_SHAPES.get(run.shape[first], ()):
        if run.shape.startswith(shape, first) and _is_card(run.number(first, len(shape)), context=context):
            return len(shape)
    count = len(run.groups)
    if first or len(run.digits) not in _ANY_CARD or not (context or count > 1):
        return 0
    return count if run.uniform(0, count) and _is_card(run.digits, context=context) else 0


def _is_card(digits: bytes, *, context: bool) -> bool:
    return (context or issuer(digits)) and luhn(digits) and digits.count(digits[:1]) < len(digits)


def social_security_numbers(run: Run, *, context: bool) -> Iterator[tuple[int, int]]:
    """Spans of US social security numbers: 3-2-4, or nine digits together where the context says so."""
    first = run.shape.find(_SSN_SHAPE)
    while first >= 0:
        if run.uniform(first, 3) and _is_ssn(run.number(first, 3)):
            yield run.span(first, 3)
        first = run.shape.find(_SSN_SHAPE, first + 1)
    if context:
        for first, letter in enumerate(run.shape):
            if letter == _SSN_BARE and _is_ssn(run.number(first, 1)):
                yield run.span(first, 1)


def _is_ssn(digits: bytes) -> bool:
    """Never issued: area 000, 666, 900-999; group 00; serial 0000 (SSA, 20 CFR 422.103)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {b"000", b"666"} and area < b"900" and group != b"00" and serial != b"0000"
