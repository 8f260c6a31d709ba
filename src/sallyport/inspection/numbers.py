"""Runs of digits, and the card and social security numbers in them.

A run is digits with light separators. It is read group by group, so that a card in front of another number
is seen, and the work per run is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from sallyport.inspection.checks import luhn

_GROUP = re.compile(rb"[0-9]+")
_CARD_SHAPES = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (8, 8), (6, 10), (4, 4, 4, 1), (6, 13))
_UNIFORM = (1, 2, 3, 5)
_CARD_LENGTHS = range(13, 20)
_SSN_SHAPE = (3, 2, 4)
_SSN_DIGITS = 9
_LONG = (16, 17, 18, 19)
_ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (400000, 499999, (13, 16, 18, 19)),  # Visa
    (510000, 559999, (16,)),  # Mastercard
    (222100, 272099, (16,)),
    (220000, 220499, _LONG),  # Mir
    (340000, 349999, (15,)),  # American Express
    (370000, 379999, (15,)),
    (300000, 305999, (14, 16, 19)),  # Diners Club
    (360000, 369999, (14, 16, 19)),
    (380000, 399999, (14, 16, 19)),
    (352800, 358999, _LONG),  # JCB
    (180000, 180099, (15,)),
    (213100, 213199, (15,)),
    (600000, 609999, (13, 14, 15, *_LONG)),  # Discover, RuPay, Hipercard
    (620000, 629999, _LONG),  # UnionPay
    (644000, 659999, _LONG),  # Discover
    (810000, 829999, _LONG),
    (500000, 509999, (13, 14, 15, *_LONG)),  # Maestro, Elo
    (560000, 589999, (13, 14, 15, *_LONG)),
    (610000, 619999, (13, 14, 15, *_LONG)),
    (630000, 643999, (13, 14, 15, *_LONG)),
    (660000, 699999, (13, 14, 15, *_LONG)),
)


class Run(Struct, frozen=True):
    """Groups of digits as (start, end) in the scanned bytes; `text` is all the scanned bytes."""

    text: bytes
    groups: tuple[tuple[int, int], ...]

    def digits(self, first: int, last: int) -> bytes:
        """The digits of groups first..last-1 together."""
        return b"".join(self.text[s:e] for s, e in self.groups[first:last])

    def sizes(self, first: int, count: int) -> tuple[int, ...]:
        """The lengths of `count` groups from `first` on."""
        return tuple(e - s for s, e in self.groups[first : first + count])

    def separators(self, first: int, last: int) -> set[bytes]:
        """What stands between the groups first..last-1."""
        return {self.text[self.groups[i][1] : self.groups[i + 1][0]] for i in range(first, last - 1)}


def run_of(text: bytes, start: int, end: int) -> Run:
    """The run at [start, end) of `text`."""
    return Run(text, tuple((m.start(), m.end()) for m in _GROUP.finditer(text, start, end)))


def issuer(digits: bytes) -> bool:
    """Whether a card number of this length may begin so (ISO/IEC 7812 issuer ranges in use)."""
    six, length = int(digits[:6]), len(digits)
    return any(low <= six <= high and length in lengths for low, high, lengths in _ISSUERS)


def cards(run: Run) -> Iterator[tuple[int, int]]:
    """Spans of payment card numbers in a run, left to right."""
    first = 0
    while first < len(run.groups):
        count = _card_at(run, first)
        if count:
            yield run.groups[first][0], run.groups[first + count - 1][1]
        first += count or 1


def _card_at(run: Run, first: int) -> int:
    """How many groups from `first` on form a card number; 0 if none do."""
    start, end = run.groups[first]
    if end - start in _CARD_LENGTHS and _is_card(run.text[start:end]):
        return 1
    for shape in _CARD_SHAPES:
        if run.sizes(first, len(shape)) == shape and _is_card(run.digits(first, first + len(shape))):
            return len(shape)
    return _uniform_card(run, first, end - start)


def _uniform_card(run: Run, first: int, size: int) -> int:
    """Digits one by one, in pairs and so on; or the whole run, grouped in whatever way."""
    if size in _UNIFORM:
        for length in reversed(_CARD_LENGTHS):
            count = -(-length // size)
            sizes = run.sizes(first, count)
            if (
                sum(sizes) == length
                and set(sizes[:-1]) == {size}
                and _is_card(run.digits(first, first + count))
            ):
                return count
    if (
        first == 0
        and 1 < len(run.groups) <= len(_CARD_LENGTHS)
        and len(run.separators(0, len(run.groups))) == 1
    ):
        digits = run.digits(0, len(run.groups))
        if len(digits) in _CARD_LENGTHS and _is_card(digits):
            return len(run.groups)
    return 0


def _is_card(digits: bytes) -> bool:
    return issuer(digits) and luhn(digits) and len(set(digits)) > 1


def social_security_numbers(run: Run, *, context: bool) -> Iterator[tuple[int, int]]:
    """Spans of US social security numbers: 3-2-4, or nine digits together where the context says so."""
    for first in range(len(run.groups)):
        start, end = run.groups[first]
        if run.sizes(first, 3) == _SSN_SHAPE and len(run.separators(first, first + 3)) == 1:
            if _is_ssn(run.digits(first, first + 3)):
                yield start, run.groups[first + 2][1]
        elif context and end - start == _SSN_DIGITS and _is_ssn(run.text[start:end]):
            yield start, end


def _is_ssn(digits: bytes) -> bool:
    """Never issued: area 000, 666, 900-999; group 00; serial 0000 (SSA, 20 CFR 422.103)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {b"000", b"666"} and area < b"900" and group != b"00" and serial != b"0000"
