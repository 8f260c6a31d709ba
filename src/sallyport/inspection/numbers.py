"""Runs of digits with light separators, and what may be in them: cards, social security and other numbers.

A run is read group by group, so that a card in front of another number is seen. The sizes of its groups are
a string of letters (a = 1 digit, d = 4), so that shapes are found by comparing text; work per group is constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from sallyport.inspection.checks import TO_DOUBLED, TO_VALUES, luhn

_GROUP = re.compile(rb"[0-9]+")
_NOT_DIGITS = bytes(c for c in range(256) if not 48 <= c <= 57)  # noqa: PLR2004 - ASCII digits
_LETTERS = "?abcdefghijklmnopqrstuvwxyz"
_CARD_SHAPES = {
    "d": ("ddddc", "dfe", "dfd", "ddda"),
    "f": ("fj", "fm"),
    **{letter: (letter,) for letter in "mnopqrs"},
}
_UNIFORM = re.compile(r"a{15,}|b{8,}|c{5,}|d{4,}|e{3,}|h{2,}")
_UNIFORM_LENGTHS = (16, 15)
_WIDE_GROUPS, _WIDE_SIZE = range(2, 7), 3
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
    """Spans of payment card numbers in a run. With context any issuer, and 12 digits, will do."""
    for match in _UNIFORM.finditer(run.shape):
        yield from _uniform_cards(run, *match.span())
    for first, letter in enumerate(run.shape):
        for shape in _CARD_SHAPES.get(letter, ()):
            if run.shape.startswith(shape, first) and _is_card(
                run.number(first, len(shape)), context=context
            ):
                yield run.span(first, len(shape))
    count = len(run.groups)
    odd_groups = len(run.digits) in _ANY_CARD and (context or count > 1) and run.uniform(0, count)
    if odd_groups and _is_card(run.digits, context=context):
        yield run.span(0, count)


def wide_card(run: Run, *, context: bool) -> Iterator[tuple[int, int]]:
    """The span of a run with unusual separators (line breaks, commas, bars) if it is one card and nothing else."""
    sizes = [end - start for start, end in run.groups]
    if len(sizes) in _WIDE_GROUPS and min(sizes) >= _WIDE_SIZE and _is_card(run.digits, context=context):
        yield run.span(0, len(sizes))


def _uniform_cards(run: Run, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Cards among groups of equal size: digits one by one, in pairs, in fours. Running sums, so that a flood is cheap."""
    size = _LETTERS.index(run.shape[first])
    digits = run.number(first, last - first)
    values, doubled = digits.translate(TO_VALUES), digits.translate(TO_DOUBLED)
    for length in _UNIFORM_LENGTHS:
        if length % size:
            continue
        parity = (length - 1) % 2
        for odd in (0, 1) if size % 2 else (0,):
            weighted = bytearray(doubled)
            weighted[(parity + odd) % 2 :: 2] = values[(parity + odd) % 2 :: 2]
            sums = [0, *accumulate(weighted)]
            step = size if size % 2 == 0 else 2 * size
            for at in range(odd * size, len(digits) - length + 1, step):
                if (sums[at + length] - sums[at]) % 10 == 0 and _is_card(
                    digits[at : at + length], context=False
                ):
                    yield run.span(first + at // size, length // size)


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
