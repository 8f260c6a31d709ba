"""International bank account numbers (ISO 13616): country, length and check digits, however they are set apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from sallyport.inspection.checks import mod97
from sallyport.inspection.spans import Span

LENGTHS = {
    b"AD": 24, b"AE": 23, b"AL": 28, b"AT": 20, b"AZ": 28, b"BA": 20, b"BE": 16, b"BG": 22, b"BH": 22, b"BI": 27,
    b"BR": 29, b"BY": 28, b"CH": 21, b"CR": 22, b"CY": 28, b"CZ": 24, b"DE": 22, b"DJ": 27, b"DK": 18, b"DO": 28,
    b"EE": 20, b"EG": 29, b"ES": 24, b"FI": 18, b"FK": 18, b"FO": 18, b"FR": 27, b"GB": 22, b"GE": 22, b"GI": 23,
    b"GL": 18, b"GR": 27, b"GT": 28, b"HN": 28, b"HR": 21, b"HU": 28, b"IE": 22, b"IL": 23, b"IQ": 23, b"IS": 26,
    b"IT": 27, b"JO": 30, b"KW": 30, b"KZ": 20, b"LB": 28, b"LC": 32, b"LI": 21, b"LT": 20, b"LU": 20, b"LV": 21,
    b"LY": 25, b"MC": 27, b"MD": 24, b"ME": 22, b"MK": 19, b"MN": 20, b"MR": 27, b"MT": 31, b"MU": 30, b"NI": 28,
    b"NL": 18, b"NO": 15, b"OM": 23, b"PK": 24, b"PL": 28, b"PS": 29, b"PT": 25, b"QA": 29, b"RO": 24, b"RS": 22,
    b"RU": 33, b"SA": 24, b"SC": 31, b"SD": 18, b"SE": 24, b"SI": 19, b"SK": 24, b"SM": 27, b"SO": 23, b"ST": 25,
    b"SV": 28, b"TL": 23, b"TN": 24, b"TR": 26, b"UA": 29, b"VA": 22, b"VG": 24, b"XK": 20, b"YE": 30,
}  # fmt: skip
_BETWEEN = rb"(?:[ \t./\-_]{0,3}|[ \t]?\r?\n[ \t>|]{0,4})"
_COUNTRIES = "|".join(country.decode() for country in LENGTHS)
# The country and the check digits in one piece; set apart by a blank only in capitals ("at 10 past" is none).
_BEGINNINGS = (rf"(?:{_COUNTRIES})[./\-_]?[0-9]{{2}}", rf"(?:{_COUNTRIES}) [0-9]{{2}}")
_BEGIN = re2.compile(f"(?i:{_BEGINNINGS[0]})|{_BEGINNINGS[1]}".encode())
_NUMBERS = {
    length: re.compile(rb"[A-Z]{2}" + rb"[ ./\-_]?[0-9]{2}(?:" + _BETWEEN + rb"[A-Z0-9]){%d}" % (length - 4), re.IGNORECASE)
    for length in set(LENGTHS.values())
}  # fmt: skip
_SEPARATORS = b" \t./-_\r\n>|"
_INTRODUCED = re.compile(rb"(?i)iban\Z")
_GOES_ON = r"[ \t./\-_\r\n>|]{0,8}"
_APART = r"(?:\b|_|[Ii][Bb][Aa][Nn])"
HINTS = (  # what calls for `scan`
    rf"{_APART}{_BEGINNINGS[0]}{_GOES_ON}[a-z0-9]{_GOES_ON}[a-z0-9]",
    rf"(?-i){_APART}{_BEGINNINGS[1]}{_GOES_ON}[A-Z0-9]{_GOES_ON}[A-Z0-9]",
)


def scan(data: bytes) -> Iterator[Span]:
    """Spans of account numbers, also of several next to each other."""
    done = 0
    for match in _BEGIN.finditer(data):
        start = match.start()
        if start < done or _amid_word(data, start):
            continue
        length = LENGTHS[data[start : start + 2].upper()]
        found = _NUMBERS[length].match(data, start)
        end = _checked(data, start, found.end()) if found else 0
        if end:
            done = end
            yield Span("iban", start, end, 1.0, "iban")


def _amid_word(data: bytes, start: int) -> bool:
    return data[start - 1 : start].isalnum() and _INTRODUCED.search(data, max(start - 4, 0), start) is None


def _checked(data: bytes, start: int, end: int) -> int:
    """The end of the number if its check digits are right; otherwise 0."""
    compact = data[start:end].translate(None, _SEPARATORS).upper()
    return end if mod97(compact) else 0
